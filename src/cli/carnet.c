/* carnet.c - the command line: finds the command, reads the options that all share, runs it. */
#include "cli/cli.h"
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

const Command commands[] = {
#define COMMAND(name, fn, arguments, what, example) {name, command_##fn, arguments, what, example},
#include "cli/commands.def"
#undef COMMAND
};
const size_t commands_count = ARRAY_LEN(commands);

int complain(int status, const char *fmt, ...) {
        va_list args;
        va_start(args, fmt);
        fputs("carnet: ", stderr);
        vfprintf(stderr, fmt, args);
        fputc('\n', stderr);
        va_end(args);
        return status;
}

int usage(const Cli *cli, const char *wrong) {
        return complain(EXIT_USAGE, "%s\nusage: carnet %s %s\nexample: %s", wrong, cli->command->name, cli->command->arguments, cli->command->example);
}

static void help_all(void) {
        puts("carnet - delegated auth for multi-agent apps\n\nusage: carnet COMMAND [ARGUMENTS] [OPTIONS]\n");
        for (size_t i = 0; i < commands_count; i++)
                printf("  %-11s %s\n", commands[i].name, commands[i].what);
        puts("\noptions of every command:\n"
             "  --socket PATH   the zone server's socket (CARNET_SOCKET; carnet-state/carnet.sock)\n"
             "  --url URL       the management API by HTTP instead, with --token (CARNET_MANAGEMENT_URL, CARNET_TOKEN)\n"
             "  --zone SLUG     which zone (CARNET_ZONE; dev)\n"
             "  --json          machine-readable output\n"
             "  --help          of a command: what it does, with an example\n\n"
             "exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 the zone cannot be reached");
}

static void help_one(const Command *c) { printf("carnet %s - %s\n\nusage: carnet %s %s\nexample: %s\n", c->name, c->what, c->name, c->arguments, c->example); }

enum { OPT_SOCKET = 256, OPT_URL, OPT_ZONE, OPT_TOKEN, OPT_JSON, OPT_DRY, OPT_AS, OPT_SESSION, OPT_LISTEN, OPT_USER };
static const struct option options[] = {
        {"socket", required_argument, NULL, OPT_SOCKET},   {"url", required_argument, NULL, OPT_URL},     {"zone", required_argument, NULL, OPT_ZONE},
        {"token", required_argument, NULL, OPT_TOKEN},     {"json", no_argument, NULL, OPT_JSON},         {"dry-run", no_argument, NULL, OPT_DRY},
        {"as", required_argument, NULL, OPT_AS},           {"session", required_argument, NULL, OPT_SESSION}, {"listen", required_argument, NULL, OPT_LISTEN},
        {"user", required_argument, NULL, OPT_USER},       {"follow", no_argument, NULL, 'f'},            {"lines", required_argument, NULL, 'n'},
        {"quiet", no_argument, NULL, 'q'},                 {"help", no_argument, NULL, 'h'},              {NULL, 0, NULL, 0},
};

/* 0 to go on, 'h' for help, else -1 */
static int option_set(Cli *cli, int option, const char *value) {
        switch (option) {
        case OPT_SOCKET: cli->socket = value; return 0;
        case OPT_URL: cli->url = value; return 0;
        case OPT_ZONE: cli->zone = value; return 0;
        case OPT_TOKEN: cli->token = value; return 0;
        case OPT_JSON: cli->json = true; return 0;
        case OPT_DRY: cli->dry_run = true; return 0;
        case OPT_AS: cli->as = value; return 0;
        case OPT_SESSION: cli->session = value; return 0;
        case OPT_LISTEN: cli->listen = value; return 0;
        case OPT_USER: cli->user = value; return 0;
        case 'f': cli->follow = true; return 0;
        case 'q': cli->quiet = true; return 0;
        case 'n': return outcome_ok(text_int(text_of(value), &cli->lines)) && cli->lines > 0 ? 0 : -1;
        case 'h': return 'h';
        default: return -1;
        }
}

static void defaults(Cli *cli) {
        const char *socket = getenv("CARNET_SOCKET"), *zone = getenv("CARNET_ZONE");
        cli->socket = socket ? socket : "carnet-state/carnet.sock";
        cli->url = getenv("CARNET_MANAGEMENT_URL");
        cli->token = getenv("CARNET_TOKEN");
        cli->zone = zone ? zone : "dev";
        cli->lines = 20;
        cli->color = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
}

/* What follows "--" belongs to the program that `run` starts. */
static int split_program(Cli *cli, int argc, char **argv) {
        for (int i = 1; i < argc; i++)
                if (strcmp(argv[i], "--") == 0) {
                        cli->program = argv + i + 1;
                        argv[i] = NULL;
                        return i;
                }
        return argc;
}

int main(int argc, char **argv) {
        Cli cli = {.arena = arena_new((size_t)256 << 20)};
        if (!cli.arena || argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
                help_all();
                return argc < 2 ? EXIT_USAGE : EXIT_DONE;
        }
        for (size_t i = 0; i < commands_count; i++)
                if (strcmp(argv[1], commands[i].name) == 0)
                        cli.command = &commands[i];
        if (!cli.command)
                return complain(EXIT_USAGE, "no such command: %s; `carnet --help` lists them", argv[1]);
        defaults(&cli);
        argc = split_program(&cli, argc, argv);
        for (int option; (option = getopt_long(argc - 1, argv + 1, "fqn:h", options, NULL)) != -1;) {
                int end = option_set(&cli, option, optarg);
                if (end == 'h') {
                        help_one(cli.command);
                        return EXIT_DONE;
                }
                if (end < 0)
                        return usage(&cli, "an option cannot be used");
        }
        cli.args = argv + 1 + optind;
        cli.n_args = argc - 1 - optind;
        int status = cli.command->run(&cli);
        arena_free(cli.arena);
        return status;
}
