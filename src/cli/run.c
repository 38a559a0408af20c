/* run.c - `carnet run --as APP -- COMMAND`: gives a program an identity for as long as it runs.
 *
 * The private key is made here and never leaves: not to disk, not into the program's memory or environment. The program gets a
 * descriptor from which it asks client assertions, one JSON line each (docs/reference/agent-descriptor.md). The public half
 * is registered with the zone over its Unix socket and lives as long as that connection; when the zone restarts it is
 * registered again. */
#include "cli/add.h"
#include "cli/cli.h"
#include "crypto/jws.h"
#include "base/id.h"
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ASSERTION_SECONDS 60
#define LOOK_MS 2000 /* how often the zone's connection is tried: also keeps it from idling out */
#define ASK_MAX 8192
#define REACH_TRIES 30
#define EXIT_UNKNOWN (-1)

typedef struct Agent {
        Cli *cli;
        Api *api;
        Jwk *key;
        Text issuer, client_id, describe; /* of the zone's answer */
        int fd;                           /* ours; the program has the other end */
        pid_t pid;
        char ask[ASK_MAX];
        size_t n;
} Agent;

static volatile sig_atomic_t signalled;
static void on_signal(int signum) { signalled = signum; }
static void on_child(int signum) { (void)signum; }

/* --- the zone ------------------------------------------------------------------------------------------------------ */

static int registered(Agent *a, const ApiAnswer *answer) {
        if (!answer->status)
                return complain(EXIT_UNREACHED, "no zone answers at %s: %.*s", a->cli->socket, TEXT_ARG(answer->why));
        if (answer->status == 404)
                return EXIT_UNKNOWN;
        if (answer->status != 201 || !answer->json)
                return complain(EXIT_REFUSED, "the zone does not give %s an identity: %.*s", a->cli->as,
                                TEXT_ARG(answer->json ? json_text(answer->json, "error_description") : answer->body));
        a->issuer = text_copy(a->cli->arena, json_text(answer->json, "issuer"));
        a->client_id = text_copy(a->cli->arena, json_text(answer->json, "client_id"));
        a->describe = json_print(a->cli->arena, answer->json, JSON_COMPACT);
        return EXIT_DONE;
}

/* EXIT_UNKNOWN: there is no such application. */
static int register_key(Agent *a) {
        Arena *arena = arena_new(1 << 20);
        if (!arena)
                return complain(EXIT_REFUSED, "out of memory");
        Text body = text_print(arena, "{\"jwk\":%.*s}", TEXT_ARG(jwk_print(arena, a->key)));
        ApiAnswer answer = api_call(a->api, arena, "POST", zone_path(a->cli, "/applications/%s/keys", a->cli->as), body);
        int status = registered(a, &answer);
        arena_free(arena);
        return status;
}

/* A new connection means that the old one, and the key with it, has ended. */
static void keep_registered(Agent *a) {
        Arena *arena = arena_new(1 << 20);
        if (!arena)
                return;
        ApiAnswer answer = api_call(a->api, arena, "GET", TEXT("/healthz"), TEXT_NONE);
        bool renew = answer.status && api_reconnected(a->api);
        arena_free(arena);
        if (renew && register_key(a) == EXIT_DONE && !a->cli->quiet)
                fprintf(stderr, "carnet: %s is registered again\n", a->cli->as);
}

/* --- the program's descriptor ---------------------------------------------------------------------------------------- */

static Text claims_print(Agent *a, Arena *arena, Text audience, int64_t now) {
        uint8_t random[16];
        hash_random(random, sizeof random);
        Buf buf = buf_new(arena, 512);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        json_put_text(&out, "iss", a->client_id);
        json_put_text(&out, "sub", a->client_id);
        json_put_text(&out, "aud", audience);
        json_put_text(&out, "jti", base32_text(arena, random, sizeof random));
        json_put_int(&out, "iat", now);
        json_put_int(&out, "exp", now + ASSERTION_SECONDS);
        json_close(&out, '}');
        return buf_done(&buf);
}

/* Only for the zone that knows the key: an assertion for anybody else would be good for nothing honest. */
static Text assertion_answer(Agent *a, Arena *arena, Text audience) {
        Text jws;
        if (!text_equal(audience, a->issuer))
                return TEXT("{\"error\":\"assertions are made for the zone's issuer only\"}\n");
        Text claims = claims_print(a, arena, audience, time(NULL));
        if (!outcome_ok(jws_sign(arena, a->key, TEXT(""), TEXT("client-authentication+jwt"), claims, &jws)))
                return TEXT("{\"error\":\"signing failed\"}\n");
        return text_print(arena, "{\"client_assertion\":\"%.*s\",\"expires_in\":%d}\n", TEXT_ARG(jws), ASSERTION_SECONDS);
}

static void answer_line(Agent *a, Text line) {
        Arena *arena = arena_new(1 << 20);
        Json *ask;
        if (!arena)
                return;
        Text answer = TEXT("{\"error\":\"ask with {\\\"op\\\":\\\"describe\\\"} or {\\\"op\\\":\\\"assert\\\",\\\"audience\\\":…}\"}\n");
        if (outcome_ok(json_read_object(arena, line, &ask))) {
                if (text_is(json_text(ask, "op"), "describe"))
                        answer = text_print(arena, "%.*s\n", TEXT_ARG(a->describe));
                else if (text_is(json_text(ask, "op"), "assert"))
                        answer = assertion_answer(a, arena, json_text(ask, "audience"));
        }
        for (size_t sent = 0; sent < answer.len;) {
                ssize_t n = send(a->fd, answer.at + sent, answer.len - sent, MSG_NOSIGNAL);
                if (n <= 0)
                        break;
                sent += (size_t)n;
        }
        arena_free(arena);
}

/* False when the program has closed its end. */
static bool serve_descriptor(Agent *a) {
        ssize_t n = recv(a->fd, a->ask + a->n, sizeof a->ask - a->n, MSG_DONTWAIT);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR;
        if (n == 0)
                return false;
        a->n += (size_t)n;
        for (char *end; (end = memchr(a->ask, '\n', a->n));) {
                size_t len = (size_t)(end - a->ask);
                answer_line(a, (Text){a->ask, len});
                a->n -= len + 1;
                memmove(a->ask, end + 1, a->n);
        }
        return a->n < sizeof a->ask; /* a line that never ends is no question */
}

/* --- the program ----------------------------------------------------------------------------------------------------- */

static void become(const char *name) {
        const struct passwd *user = getpwnam(name);
        /* Supplementary groups too: root's would stay with the program. */
        if (!user || initgroups(name, user->pw_gid) || setgid(user->pw_gid) || setuid(user->pw_uid)) {
                complain(0, "cannot become %s", name);
                _exit(126);
        }
}

static void program_start(Agent *a, int theirs) {
        char number[16];
        close(a->fd);
        snprintf(number, sizeof number, "%d", theirs);
        setenv("CARNET_AGENT_FD", number, 1);
        setenv("CARNET_ZONE_URL", text_copy(a->cli->arena, a->issuer).at, 1);
        unsetenv("CARNET_SOCKET");
        if (a->cli->user)
                become(a->cli->user);
        execvp(a->cli->program[0], a->cli->program);
        complain(0, "%s: %s", a->cli->program[0], strerror(errno));
        _exit(127);
}

static int program_spawn(Agent *a) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
                return complain(EXIT_REFUSED, "socketpair: %s", strerror(errno));
        a->fd = pair[0];
        a->pid = fork();
        if (a->pid == 0)
                program_start(a, pair[1]);
        close(pair[1]);
        return a->pid > 0 ? EXIT_DONE : complain(EXIT_REFUSED, "fork: %s", strerror(errno));
}

static int64_t monotonic_ms(void) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Serves until the program ends; its exit status, as a shell gives it. */
static int serve(Agent *a) {
        int status, sent = 0;
        int64_t look_at = monotonic_ms() + LOOK_MS;
        struct pollfd fds[1] = {{.fd = a->fd, .events = POLLIN}};
        for (;;) {
                pid_t ended = waitpid(a->pid, &status, WNOHANG);
                if (ended == a->pid)
                        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
                if (signalled && signalled != sent)
                        kill(a->pid, sent = signalled);
                if (monotonic_ms() >= look_at) {
                        keep_registered(a);
                        look_at = monotonic_ms() + LOOK_MS;
                }
                int n = poll(fds, 1, 200);
                if (n > 0 && (fds[0].revents & (POLLIN | POLLHUP)) && !serve_descriptor(a))
                        fds[0].fd = -1;
        }
}

static void signals(void) {
        const int forwarded[] = {SIGINT, SIGTERM, SIGHUP};
        for (size_t i = 0; i < ARRAY_LEN(forwarded); i++)
                sigaction(forwarded[i], &(struct sigaction){.sa_handler = on_signal}, NULL);
        sigaction(SIGCHLD, &(struct sigaction){.sa_handler = on_child}, NULL);
}

int command_run(Cli *cli) {
        static Agent a;
        if (!cli->as || !cli->program || !cli->program[0])
                return usage(cli, "say who it is and what to run");
        a = (Agent){.cli = cli, .api = api_new(cli), .fd = -1};
        /* The key is in this process's memory: nobody of the same uid may read it. */
        if (!a.api || !outcome_ok(jwk_generate(ALGORITHM_ES256, &a.key)) || prctl(PR_SET_DUMPABLE, 0))
                return complain(EXIT_REFUSED, "no key could be made");
        int status = register_key(&a);
        for (int tries = 0; status == EXIT_UNREACHED && tries < REACH_TRIES && !signalled; tries++) {
                sleep(1);
                status = register_key(&a);
        }
        if (status == EXIT_UNKNOWN && add_application(cli, cli->as))
                status = register_key(&a);
        if (status == EXIT_UNKNOWN)
                return complain(EXIT_REFUSED, "the zone has no application \"%s\"; add it to the zone file:  %s: { run: {} }", cli->as, cli->as);
        if (status != EXIT_DONE)
                return status;
        signals();
        status = program_spawn(&a);
        if (status != EXIT_DONE)
                return status;
        status = serve(&a);
        api_free(a.api);
        jwk_unref(a.key);
        return status;
}
