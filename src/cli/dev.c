/* dev.c - `carnet dev`: a zone to play with, on loopback, in the folder one stands in. */
#include "cli/cli.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_TRIES 100

static pid_t server;

static void stop_server(int signum) {
        (void)signum;
        if (server > 0)
                kill(server, SIGTERM);
}

static pid_t server_start(const char *program, const char *state, const char *listen) {
        pid_t pid = fork();
        if (pid == 0) {
                execlp(program, program, "--dev", "--state", state, "--listen", listen, "--management", "", "--metrics", "", "--log-level", "warn", (char *)NULL);
                complain(0, "%s: %s", program, strerror(errno));
                _exit(127);
        }
        return pid;
}

/* The server beside this program, else the one on PATH. */
static const char *server_program(Cli *cli) {
        char self[1024];
        ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
        if (n > 0) {
                self[n] = 0;
                static const char *const beside[] = {"carnetd", "../main/carnetd"};
                char *slash = strrchr(self, '/');
                for (size_t i = 0; slash && i < ARRAY_LEN(beside); i++) {
                        Text path = text_print(cli->arena, "%.*s/%s", (int)(slash - self), self, beside[i]);
                        if (access(path.at, X_OK) == 0)
                                return path.at;
                }
        }
        return "carnetd";
}

static bool wait_ready(Cli *cli, Json **zone) {
        for (int i = 0; i < READY_TRIES; i++) {
                Api *api = api_new(cli);
                ApiAnswer answer = api ? api_call(api, cli->arena, "GET", zone_path(cli, "%s", ""), TEXT_NONE) : (ApiAnswer){0};
                api_free(api);
                if (answer.status == 200) {
                        *zone = answer.json;
                        return true;
                }
                int status;
                if (waitpid(server, &status, WNOHANG) == server)
                        return false;
                usleep(50000);
        }
        return false;
}

static void say(Text issuer) {
        printf("zone      %.*s\nsign in   %.*s/account\n\n", TEXT_ARG(issuer), TEXT_ARG(issuer));
        puts("Protect a FastMCP server (server.py):\n\n"
             "    from fastmcp import FastMCP\n"
             "    from carnet.fastmcp import AuthProvider\n\n"
             "    auth_provider = AuthProvider()\n"
             "    mcp = FastMCP(\"Churn\", auth=auth_provider.get_remote_auth_provider())\n\n"
             "    @mcp.tool()\n"
             "    def churned() -> list[str]:\n"
             "        return [\"acme\"]\n\n"
             "    mcp.run(transport=\"http\", port=8001)\n\n"
             "Then, in other terminals:\n\n"
             "    carnet user passwd sara\n"
             "    carnet run --as churn -- python server.py\n"
             "    carnet check http://localhost:8001/mcp\n"
             "    carnet call http://localhost:8001/mcp churned\n"
             "    carnet tail -f\n\n"
             "Ctrl-C ends the zone; what it remembers stays in carnet-state/.");
        fflush(stdout);
}

int command_dev(Cli *cli) {
        const char *folder = cli->n_args ? cli->args[0] : ".", *listen = cli->listen ? cli->listen : "127.0.0.1:8080";
        int status;
        Json *zone;
        if (chdir(folder))
                return complain(EXIT_REFUSED, "%s: %s", folder, strerror(errno));
        if (access("zone.yaml", F_OK) != 0) {
                Cli fresh = *cli;
                fresh.n_args = 0;
                command_init(&fresh);
        }
        cli->socket = "carnet-state/carnet.sock";
        signal(SIGINT, stop_server);
        signal(SIGTERM, stop_server);
        server = server_start(server_program(cli), "carnet-state", listen);
        if (server < 0 || !wait_ready(cli, &zone))
                return complain(EXIT_UNREACHED, "the zone did not start; is something else on %s?", listen);
        Cli apply = *cli;
        char *file[] = {"zone.yaml"};
        apply.args = file;
        apply.n_args = 1;
        if (command_apply(&apply) != EXIT_DONE)
                stop_server(0);
        say(json_text(zone, "issuer"));
        while (waitpid(server, &status, 0) < 0 && errno == EINTR)
                ;
        return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_REFUSED;
}
