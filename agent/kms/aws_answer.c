/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From an HTTP answer to a verdict. The order is that of the facts: is it the service that speaks
 * at all, is the clock right, and only then what it says of credentials and key. Nothing here can
 * turn an outage into a denial. */

#include "kms/aws_answer.h"

#include <ctype.h>

#include "base/verdict.h"
#include "kms/aws_errors.h"

int aws_answer_garbage(const struct kms_call *call, const char *what, struct diag *diag)
{
        const char *endpoint = call->request->endpoint;

        (void)diag_refuse(diag, VERDICT_UNAVAILABLE, "kms-answer",
                          "the answer for the KMS key %s is not one of AWS KMS: %s", call->key.arn,
                          what);
        diag_advise(diag,
                    "see who answers there, a proxy or a wrong Endpoint= may be in the way: "
                    "curl -v %s%s/",
                    endpoint[0] ? endpoint : "https://", endpoint[0] ? "" : call->key.host);
        return VERDICT_UNAVAILABLE;
}

/* "ns#CodeException:http://..." -> "CodeException"; only plain characters, since it is shown. */
static void bare_code(const char *type, char *buf, size_t size)
{
        const char *hash = strchr(type, '#');
        size_t n = 0;

        type = hash ? hash + 1 : type;
        for (; n + 1 < size && (isalnum((unsigned char)type[n]) || type[n] == '.'); n++)
                buf[n] = type[n];
        buf[n] = '\0';
}

/* The error's type and message; 0, or -EINVAL if a field is there but is no string. A message
 * that does not fit is cut: only known words are looked for in it. */
static int error_fields(const struct json_doc *json, const struct http_response *response,
                        char *code, size_t code_size, char *message, size_t message_size)
{
        const struct json_node *root = json ? json_root(json) : NULL;
        const struct json_node *type = json_get(root, "__type");
        const struct json_node *text = json_get(root, "message");
        char buf[256];

        message[0] = '\0';
        if (!text)
                text = json_get(root, "Message");
        if (text && json_string(text, message, message_size) < 0) {
                message[0] = '\0';
                if (json_type(text) != JSON_STRING)
                        return -EINVAL;
        }
        if (type && json_string(type, buf, sizeof(buf)) < 0)
                return -EINVAL;
        bare_code(type ? buf : response->error_type, code, code_size);
        return 0;
}

struct skew {
        bool large;
        char words[96];
};

static struct skew skew_of(const struct http_response *response, int64_t now)
{
        int64_t ahead = response->date - now;
        struct skew skew = {.large = ahead > AWS_SKEW_MAX_S || ahead < -AWS_SKEW_MAX_S};

        if (response->date == 0)
                return (struct skew){.words = "the service did not say its time"};
        (void)snprintf(skew.words, sizeof(skew.words),
                       "the service's clock is %lld seconds %s this machine's",
                       (long long)(ahead > 0 ? ahead : -ahead), ahead > 0 ? "ahead of" : "behind");
        return skew;
}

/* The service's model gives its denials the statuses 400, 404 and 409, and what is seen of it is
 * mostly 400: any that lays the fault on the request will do, but for those that ask to come back.
 */
static bool blames_request(int status)
{
        return status / 100 == 4 && status != 408 && status != 429;
}

/* An error's words are believed about the key only if both clocks agree and the fault is not the
 * server's own. */
static bool may_deny(const struct http_response *response, const struct kms_call *call, int64_t now,
                     struct diag *diag)
{
        struct skew skew = skew_of(response, now);

        if (skew.large) {
                (void)diag_refuse(diag, VERDICT_UNAVAILABLE, "clock",
                                  "a denial for the KMS key %s was not believed: %s", call->key.arn,
                                  skew.words);
                diag_advise(diag, "set this machine's clock, then see: timedatectl");
                return false;
        }
        if (!blames_request(response->status)) {
                (void)aws_answer_garbage(call, "a denial with the status of something else", diag);
                return false;
        }
        return true;
}

static struct aws_outcome outcome_of(const struct aws_error *error)
{
        return (struct aws_outcome){
            .verdict = error->verdict, .retry = error->retry, .clock = error->clock};
}

static struct aws_outcome judge_error(const struct http_response *response,
                                      const struct json_doc *json, const struct kms_call *call,
                                      int64_t now, struct diag *diag)
{
        const struct aws_outcome outage = {.verdict = VERDICT_UNAVAILABLE};
        const struct aws_error *error;
        char code[64], message[1024];

        if (error_fields(json, response, code, sizeof(code), message, sizeof(message)) < 0) {
                (void)aws_answer_garbage(call, "an error without a name", diag);
                return outage;
        }
        diag_text(diag->code, sizeof(diag->code), code);
        error = aws_error_find(code, message, response->status);
        if ((error->verdict == VERDICT_KEY_STATE || error->verdict == VERDICT_ACCESS_DENIED) &&
            !may_deny(response, call, now, diag))
                return outage;
        aws_error_explain(error, &call->key, diag);
        if (error->clock) {
                struct skew skew = skew_of(response, now);
                size_t used = strlen(diag->message);

                (void)snprintf(diag->message + used, sizeof(diag->message) - used, "; %s",
                               skew.words);
        }
        return outcome_of(error);
}

/* A load balancer's page, say. Its status still tells whether another try may help. */
static struct aws_outcome judge_page(const struct http_response *response,
                                     const struct kms_call *call, struct diag *diag)
{
        const struct aws_error *error = aws_error_find("", "", response->status);

        if (error->retry || response->status / 100 == 3)
                aws_error_explain(error, &call->key, diag);
        else
                (void)aws_answer_garbage(call, "no JSON object", diag);
        return outcome_of(error);
}

struct aws_outcome aws_answer_read(const struct http_response *response,
                                   const struct kms_call *call, int64_t now, struct json_doc **ret,
                                   struct diag *diag)
{
        struct json_doc *json CLEANUP_JSON = NULL;
        int r = 0;

        diag->http_status = response->status;
        diag->retry_after = response->retry_after;
        diag_text(diag->request_id, sizeof(diag->request_id), response->request_id);

        if (response->body)
                r = json_parse((const char *)secret_bytes(response->body),
                               secret_size(response->body), &json, NULL);
        if (r < 0)
                return (struct aws_outcome){.verdict = r};
        if (r > 0 || (json && json_type(json_root(json)) != JSON_OBJECT) ||
            (!json && response->status == 200))
                return judge_page(response, call, diag);
        if (response->status != 200)
                return judge_error(response, json, call, now, diag);
        *ret = TAKE_PTR(json);
        return (struct aws_outcome){.verdict = VERDICT_GRANTED};
}
