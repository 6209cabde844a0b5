/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* luks-kmsd: what the parts of the agent share. One process, one event loop, no threads. Whatever
 * may block (disks, device mapper, key service for a restore, D-Bus) is done in children (task.h);
 * the agent itself holds no secret, ever: probes bring back a nonce that is thrown away unread, and
 * restores unwrap in the child. Who decides is the keeper (lease/keeper.h): the parts here tell it
 * what happened, and do what it orders. */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "device/monitor.h"
#include "lease/keeper.h"
#include "policy/config.h"
#include "token/token.h"
#include "volume/erasure.h"

#define AGENT_RUN_DIR       "/run/luks-kms"
#define AGENT_WORKER_SOCKET "/run/luks-kms-worker/socket"

enum { PAST_MAX = 32 };

struct task;
struct call;
struct control;
struct drill;
struct scribe;

/* Something that was worth telling, for `why`. */
struct past {
        uint64_t time_us; /* CLOCK_REALTIME */
        const char *event;
        char verdict[16], code[64], request_id[64], rung[12], outcome[12], message[256];
};

/* A volume that the agent looks after: configured, or found open with a token of ours. */
struct ward {
        struct agent *agent;
        struct ward *next;
        char name[CONFIG_NAME_MAX];         /* of the config; of the mapping if there is none */
        const struct volume_config *config; /* NULL: not configured */
        char device[CONFIG_PATH_MAX];
        char mapping[128]; /* "": none now */
        char uuid[37];     /* "": header not read yet */
        char role[ROLE_TEXT_MAX];
        bool foreign; /* read, and not ours: left alone until it goes */
        bool stale;   /* not in the configuration any more, and no mapping: to be dropped */
        bool loaded;  /* its saved lease was looked for */
        bool present; /* there is a block device of the configured name */
        bool wanted;  /* it has come, and was not looked at since */
        size_t key_count;
        struct {
                char key[CONFIG_NAME_MAX];
                struct token_blob *probe;
        } keys[CONFIG_KEYS_PER_VOLUME];
        struct task *task;
        enum restore {
                RESTORE_NONE,
                RESTORE_RESUME,
                RESTORE_OPEN
        } restore;              /* waits for its turn */
        bool restoring;         /* has its turn */
        uint64_t look_again_ms; /* not before: after a header that could not be read */
        struct past past[PAST_MAX];
        unsigned int past_count;
        struct erasure receipt; /* the last, at receipt_us (0: none) */
        uint64_t receipt_us;
        enum rung_kind receipt_rung;
        uint64_t rungs[RUNG_KINDS_][LEASE_HUNG + 1]; /* ended, by result */
        struct lease saved;                          /* as it is on the disk */
        enum lease_state told;                       /* the state that was told last */
        struct drill *drill;
};

/* A [Key] section: what its service said last. */
struct keystate {
        struct keystate *next;
        char name[CONFIG_NAME_MAX];
        const struct key_config *config;
        char fingerprint[17];
        int verdict; /* -1: none yet */
        uint64_t verdict_us, granted_us;
        struct diag said;
        uint64_t counts[VERDICT_MAX_ + 1];
        struct call *call; /* a probe under way */
        unsigned int turn; /* whose probe is next */
};

struct agent {
        sd_event *event;
        const char *config_dir, *run_dir, *worker_socket;
        struct config *config;
        struct keeper *keeper;
        struct scribe *scribe;
        uint64_t audit_errors;
        unsigned int restoring; /* restores under way */
        struct monitor *monitor;
        struct control *control;
        struct ward *wards;
        struct keystate *keys;
        struct wire_client *idle; /* a worker that has nothing to do */
        struct task *hung;        /* children that the kernel does not let go */
        sd_event_source *wake, *rescan, *news, *pump;
        uint64_t started_us;
        int lock;
};

/* A worker: the service's, or one of our own. 0 or -errno. */
int agent_worker(const struct agent *a, bool own, struct wire_client **ret, struct diag *diag);
/* Does a key of it take credentials from the environment? A service's worker has another one. */
bool agent_needs_own_worker(const struct volume_config *v);

/* ---- agent.c ---- */
int agent_begin(struct agent *a, struct diag *diag);
int agent_reload(struct agent *a, struct diag *diag);
void agent_end(struct agent *a);
struct ward *agent_ward(const struct agent *a, const char *name);
struct keystate *agent_key(const struct agent *a, const char *name);
struct lease_policy agent_policy(const struct agent *a, const struct volume_config *v);
void agent_event(struct ward *w, const struct lease_event *event);
/* A volume with nothing known of it yet, declared to the keeper. NULL: no memory. config: NULL for
 * a mapping that was found. */
struct ward *agent_add_ward(struct agent *a, const char *name, const struct volume_config *config);
void agent_drop_ward(struct ward *w);

/* ---- scan.c: which mappings there are, and whose ---- */
int scan_begin(struct agent *a);
void scan_soon(struct agent *a);
void scan_now(struct agent *a);

/* ---- probe.c ---- */
void probe_begin(struct agent *a, const char *key);
void probe_cancel(struct keystate *k);

/* ---- enforce.c: rungs and restores ---- */
void enforce(struct ward *w, const struct lease_order *order);

/* ---- state.c: what survives a restart ---- */
/* Each volume has a file in run_dir/leases, replaced at one stroke. 0 or -errno. */
int state_save(const struct ward *w, const struct lease *lease);
/* 0 with the lease of this volume's present header; -ENOENT if there is none, or it is of another
 * volume or boot. ret_same: the keys are configured as they were then. */
int state_load(const struct ward *w, struct lease *ret, bool *ret_same);
void state_forget(const struct ward *w);
