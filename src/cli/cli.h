/* cli.h - what the commands of `carnet` share: options, the management API, output.
 *
 * exit status  0 done · 1 refused or failed (the reason is on stderr) · 2 wrong usage · 3 the zone cannot be reached
 */
#ifndef CARNET_CLI_CLI_H
#define CARNET_CLI_CLI_H
#include "base/json.h"
#include <stdarg.h>
#include <stdio.h>

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_UNREACHED = 3 };

typedef struct Cli {
        Arena *arena;
        const char *socket, *url, *zone, *token; /* the management API: Unix socket, or URL with a token */
        bool json, color, dry_run, follow, quiet;
        const char *as, *session, *listen, *user;
        int64_t lines;
        char **args;       /* what is left after the command's name */
        int n_args;
        char **program;    /* after "--" */
        const struct Command *command;
} Cli;

typedef struct Command {
        const char *name;
        int (*run)(Cli *cli);
        const char *arguments, *what, *example;
} Command;

extern const Command commands[];
extern const size_t commands_count;

#define COMMAND(name, fn, arguments, what, example) int command_##fn(Cli *cli);
#include "cli/commands.def"
#undef COMMAND

int usage(const Cli *cli, const char *wrong);                     /* one line on stderr, EXIT_USAGE */
int complain(int status, const char *fmt, ...) PRINTF_LIKE(2, 3); /* "carnet: …" on stderr; returns status */

/* --- api.c -- */
typedef struct Api Api;
typedef struct ApiAnswer {
        long status;       /* 0: not reached, `why` says */
        Text body;
        Json *json;        /* NULL when the body is none */
        Text why;
        Text session;      /* Mcp-Session-Id, when a server gave one */
} ApiAnswer;

Api *api_new(const Cli *cli);                  /* keeps its connection; NULL without memory */
void api_free(Api *api);
ApiAnswer api_call(Api *api, Arena *arena, const char *method, Text path, Text body);
bool api_reconnected(const Api *api);          /* the last call opened a new connection */
/* Server-Sent Events: each data line's JSON to `fn`, until it returns false or the server ends. */
long api_follow(Api *api, Arena *arena, Text path, bool (*fn)(void *arg, Text data), void *arg);
/* Plain HTTP elsewhere: for check, call, login. `headers` NULL-ended. */
ApiAnswer web_call(Arena *arena, const char *method, const char *url, const char *const *headers, Text body, Text *www_authenticate, Text *location);

Text web_date(Arena *arena, const char *url);  /* the Date field of its answer; TEXT_NONE when there is none */

/* One call of a command: prints the refusal and returns the exit status; EXIT_DONE fills *out. */
int api_once(Cli *cli, const char *method, Text path, Text body, Json **out);
Text zone_path(const Cli *cli, const char *fmt, ...) PRINTF_LIKE(2, 3); /* "/zones/ZONE" and the rest */

/* --- view.c -- */
void view_event(const Cli *cli, const Json *event, FILE *to);     /* one chain line of at most 100 columns, or JSON */
void view_why(const Cli *cli, const Json *event, FILE *to);
const char *paint(const Cli *cli, const char *color);             /* escape sequence, "" without color */
Text short_id(Arena *arena, Text id);                             /* "d_7f3k2p": kind and the last six */
Text view_time(Arena *arena, int64_t unix_seconds);
Text file_text(Arena *arena, const char *path, const char **why); /* whole file, ≤ 4 MB; TEXT_NONE and *why */
#endif
