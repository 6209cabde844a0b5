/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* All verbs, in the order in which --help shows them. */

#include "cli/agent.h"

const struct verb verbs[] = {
    {"format", "VOLUME", "make a LUKS2 volume whose key only the KMS can unwrap", 1, 1, TAKES_FORCE,
     verb_format},
    {"open", "VOLUME", "unwrap by the KMS and open the mapping", 1, 1, 0, verb_open},
    {"close", "VOLUME", "remove the mapping", 1, 1, TAKES_KILL, verb_close},
    {"suspend", "VOLUME", "freeze I/O and wipe the key from the kernel", 1, 1, 0, verb_suspend},
    {"resume", "VOLUME", "unwrap by the KMS and let I/O go on", 1, 1, 0, verb_resume},
    {"status", "[VOLUME]", "show what is in force", 0, 1, 0, verb_status},
    {"why", "VOLUME", "why it stands as it does, and what happens next", 1, 1, 0, verb_why},
    {"explain", "VOLUME", "list every path that can still open it", 1, 1, 0, verb_explain},
    {"metrics", "", "the agent's figures, as OpenMetrics text", 0, 0, 0, verb_metrics},
    {"probe", "VOLUME", "have the agent ask its keys as soon as it may", 1, 1, 0, verb_probe},
    {"drill", "VOLUME", "rehearse a revocation, and print a report", 1, 1, TAKES_DRILL, verb_drill},
    {"recipient verify", "VOLUME", "prove for each recipient that it opens the volume", 1, 1, 0,
     verb_recipient_verify},
    {"recipient add", "VOLUME KEY", "wrap a new keyslot secret under another key", 2, 2, 0,
     verb_recipient_add},
    {"recipient remove", "VOLUME KEY", "drop a key's keyslot and token", 2, 2, 0,
     verb_recipient_remove},
    {"recipient replace", "VOLUME OLD NEW", "add NEW, prove it, then drop OLD", 3, 3, 0,
     verb_recipient_replace},
    {"config", "", "print the configuration in force, defaults and all", 0, 0, 0, verb_config},
    {"audit show", "[VOLUME]", "tell what the agent did and was told", 0, 1, 0, verb_audit_show},
    {"audit verify", "[FILE...]", "find what was cut out of the audit log, or changed", 0,
     AUDIT_FILES_MAX, TAKES_CHAIN, verb_audit_verify},
    {NULL, NULL, NULL, 0, 0, 0, NULL},
};

void verbs_print_help(void)
{
        (void)puts("luks-kms: LUKS2 volumes under the customer's KMS key\n\n"
                   "usage: luks-kms [OPTIONS] VERB ...\n\nverbs:");
        for (const struct verb *v = verbs; v->name; v++) {
                char usage[48];

                (void)snprintf(usage, sizeof(usage), "%s %s", v->name, v->arguments);
                (void)printf("  %-34s %s\n", usage, v->summary);
        }
        (void)puts("\noptions:\n"
                   "  --config DIR   read the config from DIR (" CONFIG_DIR_DEFAULT ")\n"
                   "  --json         tell outcomes as JSON objects, one a line\n"
                   "  --force        format: also a device that bears a signature\n"
                   "  --kill         close: cut off a mapping in use; unwritten data are lost\n"
                   "  --expect HASH  audit verify: the log must hold a line of this hash\n"
                   "  --from HASH    audit verify: what the first line must follow\n"
                   "  --rung RUNG    drill: suspend (if nothing is said), close or kill\n"
                   "  --yes          drill: begin without asking\n"
                   "  --socket PATH  the agent's socket (" AGENT_SOCKET_DEFAULT ")\n"
                   "  --help         this text\n"
                   "  --version      the version\n\n"
                   "Volumes and keys are named in the config: see luks-kms(8).");
}

const struct verb *verbs_find(int argc, char **argv, int *ret_words)
{
        for (const struct verb *v = verbs; v->name; v++) {
                const char *second = strchr(v->name, ' ');
                const size_t first_len = second ? (size_t)(second - v->name) : strlen(v->name);

                if (strlen(argv[0]) != first_len || strncmp(argv[0], v->name, first_len) != 0)
                        continue;
                if (second && (argc < 2 || strcmp(argv[1], second + 1) != 0))
                        continue;
                *ret_words = second ? 2 : 1;
                return v;
        }
        return NULL;
}
