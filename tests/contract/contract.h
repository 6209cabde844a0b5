/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the contract tests share: the simulated key service, requests to it, a look at processes.
 * The helpers assert by themselves: a test that cannot be set up fails. */

#include "unit/unit.h"

#include <stdbool.h>
#include <sys/types.h>

#include "base/verdict.h"
#include "wire/client.h"

#define SIM_KEY       "arn:aws:kms:eu-west-1:111122223333:key/11111111-aaaa-4aaa-8aaa-000000000001"
#define SIM_OTHER_KEY "arn:aws:kms:eu-west-1:111122223333:key/11111111-aaaa-4aaa-8aaa-000000000002"

/* The programs under test and beside it; the order of the test program's arguments. */
struct programs {
        const char *worker, *sim, *fake, *probe;
};

extern struct programs programs;

/* Takes the arguments. 0, or the exit status to end with: 77 without root, which starting a worker
 * that gives root up needs. */
int contract_setup(int argc, char **argv);

/* ---- the simulator (sim.c) ---- */

struct sim {
        pid_t pid;
        char dir[64];
        char url[128]; /* https://127.0.0.1:PORT */
};

void sim_start(struct sim *sim);
/* Ends it and checks that it had nothing to complain of. */
void sim_stop(struct sim *sim);
/* "" heals. */
void sim_fault(const struct sim *sim, const char *fault);
int sim_open(const struct sim *sim, const char *name);
/* The value of name in a section of its credentials. */
void sim_credential(const struct sim *sim, const char *section, const char *name, char *buf,
                    size_t size);
/* How many requests reached it; *ret_last is the last one's line, if not NULL: the caller's. */
size_t sim_requests(const struct sim *sim, char **ret_last);
/* How many connections it saw, those that failed in the handshake included. */
size_t sim_connections(const struct sim *sim);

/* ---- requests (request.c) ---- */

/* An unwrap request as the command would make it, without anything wrapped. */
void request_platform(struct wire_request *request, uint8_t key_seed);
void request_aws(struct wire_request *request, const struct sim *sim, const char *credentials);

/* Replaces one of its descriptors; the new one is the request's then. */
void request_set_fd(struct wire_request *request, enum wire_fd which, int fd);
/* A file that holds text. */
int text_file(const char *text);

/* Makes it a wrap of size random bytes, or again an unwrap of what came back; *ret_plain, if not
 * NULL, gets the bytes that were wrapped. */
void request_wrap(struct wire_request *request, size_t size);
void request_unwrap(struct wire_request *request, const struct wire_reply *wrapped,
                    struct secret **ret_plain);

struct wire_client *start_worker(const char *path, int pass_env);

/* One call that must be granted. */
void call_granted(struct wire_client *client, const struct wire_request *request,
                  struct wire_reply *ret);

/* Wraps 32 random bytes, unwraps them again and compares; *request stays an unwrap. */
void wrap_and_unwrap(struct wire_client *client, struct wire_request *request,
                     struct secret **ret_plain);

/* What every verdict but granted must bring: nothing, one sentence, and what to do. */
void assert_refusal(const struct wire_reply *reply, int verdict, const char *name);

/* ---- workers that misbehave (fakes.c) ---- */

enum { FAKE_PATH = 128 };

/* Fixtures: a folder for links to the fake worker. */
int fakes_make(void **state);
int fakes_remove(void **state);
/* A path at which the fake worker misbehaves in this way. */
void fake_path(const char *mode, char path[FAKE_PATH]);

/* ---- the memory that is shared for a call (fakes.c) ---- */

/* While a call is under way: a look at its shared memory, which stays when the call is over. */
const uint8_t *shared_look(void);
void shared_unlook(const uint8_t *view);
bool shared_is_zero(const uint8_t *view);

/* ---- a service that starts workers (service.c) ---- */

enum service_kind {
        SERVICE_PLAIN, /* as systemd does it: the connection at descriptor 3 */
        SERVICE_UNIT,  /* with what a hardened unit takes away before */
        SERVICE_RELAY, /* in between, and writes down what the records hold */
};

struct service {
        pid_t pid;
        char dir[64];
        char path[96]; /* the socket */
        char log[96];  /* of SERVICE_RELAY */
};

void service_start(struct service *service, enum service_kind kind, const char *worker);
void service_stop(struct service *service);

/* ---- processes (process.c) ---- */

/* The one child of parent that runs name (as in /proc/PID/comm); 0 if there is none. */
pid_t child_of(pid_t parent, const char *name);
/* Our one worker, once it waits for the next request: it wipes an answer after sending it.
 * (comm is cut at 15 characters, which is just the name's length.) */
pid_t idle_worker(void);
/* The value of a line "FIELD: value" of /proc/PID/FILE. */
void proc_field(pid_t pid, const char *file, const char *field, char *buf, size_t size);
/* A whole file of /proc/PID, with NULs as newlines. */
char *proc_text(pid_t pid, const char *file);
/* How often the bytes are in the writable memory of a process. */
size_t memory_count(pid_t pid, const void *bytes, size_t len);
void assert_no_children(void);
size_t count_open(void);
