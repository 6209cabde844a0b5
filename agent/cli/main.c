/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The command: picks the verb, checks the words around it, and runs it. */

#include <fcntl.h>
#include <getopt.h>

#include "base/secret.h"
#include "cli/cli.h"

const struct verb verbs[] = {
    {"format", "VOLUME", "make a LUKS2 volume whose key only the KMS can unwrap", 1, 1, true, false,
     verb_format},
    {"open", "VOLUME", "unwrap by the KMS and open the mapping", 1, 1, false, false, verb_open},
    {"close", "VOLUME", "remove the mapping", 1, 1, false, true, verb_close},
    {"suspend", "VOLUME", "freeze I/O and wipe the key from the kernel", 1, 1, false, false,
     verb_suspend},
    {"resume", "VOLUME", "unwrap by the KMS and let I/O go on", 1, 1, false, false, verb_resume},
    {"status", "[VOLUME]", "show what is in force", 0, 1, false, false, verb_status},
    {"recipient verify", "VOLUME", "prove for each recipient that it opens the volume", 1, 1, false,
     false, verb_recipient_verify},
    {"recipient add", "VOLUME KEY", "wrap a new keyslot secret under another key", 2, 2, false,
     false, verb_recipient_add},
    {"recipient remove", "VOLUME KEY", "drop a key's keyslot and token", 2, 2, false, false,
     verb_recipient_remove},
    {"recipient replace", "VOLUME OLD NEW", "add NEW, prove it, then drop OLD", 3, 3, false, false,
     verb_recipient_replace},
    {"config", "", "print the configuration in force, defaults and all", 0, 0, false, false,
     verb_config},
    {"audit show", "[VOLUME]", "tell what the agent did and was told", 0, 1, false, false,
     verb_audit_show},
    {"audit verify", "[FILE...]", "find what was cut out of the audit log, or changed", 0,
     AUDIT_FILES_MAX, false, false, verb_audit_verify, true},
    {NULL, NULL, NULL, 0, 0, false, false, NULL},
};

static void print_help(void)
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
                   "  --help         this text\n"
                   "  --version      the version\n\n"
                   "Volumes and keys are named in the config: see luks-kms(8).");
}

static const struct verb *find_verb(int argc, char **argv, int *ret_words)
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

static int PRINTF(1, 2) usage_error(const char *fmt, ...)
{
        va_list ap;

        (void)fputs("luks-kms: ", stderr);
        va_start(ap, fmt);
        (void)vfprintf(stderr, fmt, ap);
        va_end(ap);
        (void)fputs("\n  next: luks-kms --help\n", stderr);
        return EXIT_USAGE;
}

/* getopt takes abbreviations: --f for --force. Not here. */
static const char *find_abbreviated(int argc, char **argv, const struct option *longs)
{
        for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
                const size_t len = strcspn(argv[i], "=");
                const struct option *o = longs;

                if (argv[i][0] != '-' || argv[i][1] == '\0')
                        continue;
                while (o->name && (strncmp(argv[i], "--", 2) != 0 || strlen(o->name) != len - 2 ||
                                   strncmp(argv[i] + 2, o->name, len - 2) != 0))
                        o++;
                if (!o->name)
                        return argv[i];
                if (o->has_arg && argv[i][len] != '=')
                        i++;
        }
        return NULL;
}

/* EXIT_OK to go on, or what to end with; -1 to end well. */
static int parse_options(int argc, char **argv, struct options *o)
{
        static const struct option longs[] = {
            {"config", required_argument, NULL, 'c'},
            {"json", no_argument, NULL, 'j'},
            {"force", no_argument, NULL, 'f'},
            {"kill", no_argument, NULL, 'k'},
            {"expect", required_argument, NULL, 'e'},
            {"from", required_argument, NULL, 'F'},
            {"help", no_argument, NULL, 'h'},
            {"version", no_argument, NULL, 'V'},
            {NULL, 0, NULL, 0},
        };
        const char *unknown = find_abbreviated(argc, argv, longs);
        int c;

        if (unknown)
                return usage_error("unknown option %s", unknown);
        opterr = 0;
        while ((c = getopt_long(argc, argv, "", longs, NULL)) >= 0)
                switch (c) {
                case 'c': o->config_dir = optarg; break;
                case 'j': o->json = true; break;
                case 'f': o->force = true; break;
                case 'k': o->kill = true; break;
                case 'e': o->expect = optarg; break;
                case 'F': o->from = optarg; break;
                case 'h': print_help(); return -1;
                case 'V': (void)puts("luks-kms " VERSION); return -1;
                default: return usage_error("an option lacks its value, or has one too many");
                }
        return EXIT_OK;
}

/* A device opened at 0, 1 or 2 would get our messages. */
static int fill_standard_descriptors(void)
{
        int fd;

        do
                fd = open("/dev/null", O_RDWR);
        while (fd >= 0 && fd <= STDERR_FILENO);
        close_fd(fd);
        return fd < 0 ? -errno : 0;
}

static int unknown_verb(const char *word)
{
        if (strcmp(word, "recipient") == 0)
                return usage_error("recipient needs verify, add, remove or replace");
        if (strcmp(word, "audit") == 0)
                return usage_error("audit needs show or verify");
        return usage_error("unknown verb: %s", word);
}

/* What stands around the verb is what it takes. EXIT_OK or EXIT_USAGE. */
static int check_words(const struct verb *verb, const struct options *o)
{
        if (o->arg_count < verb->args_min || o->arg_count > verb->args_max)
                return usage_error("usage: luks-kms %s %s", verb->name, verb->arguments);
        for (int i = 0; i < o->arg_count && !verb->takes_chain; i++)
                if (strlen(o->args[i]) >= CONFIG_NAME_MAX)
                        return usage_error("a name is too long: %s", o->args[i]);
        if ((o->force && !verb->takes_force) || (o->kill && !verb->takes_kill))
                return usage_error("%s is not for %s", o->force ? "--force" : "--kill", verb->name);
        if ((o->expect || o->from) && !verb->takes_chain)
                return usage_error("%s is not for %s", o->expect ? "--expect" : "--from",
                                   verb->name);
        return EXIT_OK;
}

int main(int argc, char **argv)
{
        struct options o = {.config_dir = CONFIG_DIR_DEFAULT};
        const struct verb *verb;
        int words = 0, r;

        if (fill_standard_descriptors() < 0)
                return EXIT_ENVIRONMENT;
        r = parse_options(argc, argv, &o);
        if (r != EXIT_OK)
                return r < 0 ? EXIT_OK : r;
        if (optind >= argc)
                return usage_error("no verb");
        verb = find_verb(argc - optind, argv + optind, &words);
        if (!verb)
                return unknown_verb(argv[optind]);
        o.verb = verb->name;
        o.args = argv + optind + words;
        o.arg_count = argc - optind - words;
        r = check_words(verb, &o);
        if (r != EXIT_OK)
                return r;
        if (secret_harden_process() < 0)
                (void)fputs("luks-kms: cannot lock memory; secrets could be swapped out\n", stderr);
        r = verb->run(&o);
        if (fflush(stdout) != 0 || ferror(stdout)) {
                (void)fputs("luks-kms: cannot write the outcome to standard output\n", stderr);
                return r == EXIT_OK ? EXIT_ENVIRONMENT : r;
        }
        return r;
}
