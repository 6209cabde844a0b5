/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The command: reads the options, checks the words around the verb, and runs it. */

#include <fcntl.h>
#include <getopt.h>

#include "base/secret.h"
#include "cli/agent.h"

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
            {"config", required_argument, NULL, 'c'}, {"json", no_argument, NULL, 'j'},
            {"force", no_argument, NULL, 'f'},        {"kill", no_argument, NULL, 'k'},
            {"expect", required_argument, NULL, 'e'}, {"from", required_argument, NULL, 'F'},
            {"rung", required_argument, NULL, 'r'},   {"yes", no_argument, NULL, 'y'},
            {"socket", required_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'},
            {"version", no_argument, NULL, 'V'},      {NULL, 0, NULL, 0},
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
                case 'r': o->rung = optarg; break;
                case 'y': o->yes = true; break;
                case 's': o->socket = optarg; break;
                case 'h': verbs_print_help(); return -1;
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
        const struct {
                bool is;
                unsigned int takes;
                const char *option;
        } given[] = {
            {o->force, TAKES_FORCE, "--force"},           {o->kill, TAKES_KILL, "--kill"},
            {o->expect != NULL, TAKES_CHAIN, "--expect"}, {o->from != NULL, TAKES_CHAIN, "--from"},
            {o->rung != NULL, TAKES_DRILL, "--rung"},     {o->yes, TAKES_DRILL, "--yes"},
        };

        if (o->arg_count < verb->args_min || o->arg_count > verb->args_max)
                return usage_error("usage: luks-kms %s %s", verb->name, verb->arguments);
        for (int i = 0; i < o->arg_count && !(verb->takes & TAKES_CHAIN); i++)
                if (strlen(o->args[i]) >= CONFIG_NAME_MAX)
                        return usage_error("a name is too long: %s", o->args[i]);
        for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
                if (given[i].is && !(verb->takes & given[i].takes))
                        return usage_error("%s is not for %s", given[i].option, verb->name);
        if (o->rung && strcmp(o->rung, "suspend") != 0 && strcmp(o->rung, "close") != 0 &&
            strcmp(o->rung, "kill") != 0)
                return usage_error("--rung needs suspend, close or kill");
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
        verb = verbs_find(argc - optind, argv + optind, &words);
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
