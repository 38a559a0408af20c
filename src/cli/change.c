/* change.c - init, apply, key, user, policy: making the zone what its files say. */
#include "cli/cli.h"
#include "base/yaml.h"
#include "policy/cedar.h"
#include "sim/scene.h"
#include <libgen.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

/* --- apply -------------------------------------------------------------------------------------------------------- */

/* Every file that the zone file names, in its folder: policies, CA, key sets, secrets. */
static void named_files(const YamlNode *node, const char *key, Arena *arena, Texts *out) {
        static const char *const keys[] = {"policies", "ca", "jwks", "client_secret_file"};
        bool names_file = false;
        for (size_t i = 0; key && i < ARRAY_LEN(keys); i++)
                names_file |= strcmp(key, keys[i]) == 0;
        if (node->kind == YAML_TEXT) {
                if (names_file && node->text.len && !texts_have(*out, node->text) && !outcome_ok(texts_add(arena, out, node->text)))
                        out->n = 0;
                return;
        }
        for (size_t i = 0; i < node->n; i++)
                named_files(node->at[i].value, node->kind == YAML_MAP ? text_copy(arena, node->at[i].key->text).at : key, arena, out);
}

static int put_file(Cli *cli, JsonOut *out, const char *folder, Text name) {
        const char *why;
        char path[1024];
        /* Names stay inside the zone file's folder: what is sent is what the file's author can see beside it. */
        if (name.at[0] == '/' || text_starts(name, TEXT("..")) || strstr(text_copy(cli->arena, name).at, "/../"))
                return complain(EXIT_REFUSED, "%.*s: files that a zone file names stand beside it", TEXT_ARG(name));
        snprintf(path, sizeof path, "%s/%.*s", folder, TEXT_ARG(name));
        Text text = file_text(cli->arena, path, &why);
        if (why)
                return complain(EXIT_REFUSED, "%s: %s", path, why);
        json_put_text(out, text_copy(cli->arena, name).at, text);
        return EXIT_DONE;
}

static int apply_body(Cli *cli, const char *file, Text *body) {
        const char *why;
        const YamlNode *root;
        YamlProblem problem = {0};
        Texts names = {0};
        Text source = file_text(cli->arena, file, &why);
        if (why)
                return complain(EXIT_REFUSED, "%s: %s", file, why);
        if (!outcome_ok(yaml_read(cli->arena, source, &root, &problem)))
                return complain(EXIT_REFUSED, "%s:%u: %.*s", file, problem.line, TEXT_ARG(problem.what));
        named_files(root, NULL, cli->arena, &names);
        Buf buf = buf_new(cli->arena, 8192);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        json_open(&out, "files", '{');
        json_put_text(&out, "zone.yaml", source);
        const char *folder = dirname((char *)text_copy(cli->arena, text_of(file)).at);
        for (size_t i = 0; i < names.n; i++) {
                int status = put_file(cli, &out, folder, names.at[i]);
                if (status != EXIT_DONE)
                        return status;
        }
        json_close(&out, '}');
        json_put_bool(&out, "dry_run", cli->dry_run);
        json_close(&out, '}');
        *body = buf_done(&buf);
        return EXIT_DONE;
}

int command_apply(Cli *cli) {
        Text body;
        Json *answer;
        if (cli->n_args != 1)
                return usage(cli, "name one zone file");
        int status = apply_body(cli, cli->args[0], &body);
        if (status == EXIT_DONE)
                status = api_once(cli, "POST", zone_path(cli, "/apply"), body, &answer);
        if (status != EXIT_DONE)
                return status;
        if (cli->json) {
                printf("%.*s\n", TEXT_ARG(json_print(cli->arena, answer, JSON_COMPACT)));
                return EXIT_DONE;
        }
        Texts changes = json_texts(cli->arena, answer, "changes");
        for (size_t i = 0; i < changes.n; i++) {
                const char *color = changes.at[i].at[0] == '+' ? "\033[32m" : changes.at[i].at[0] == '-' ? "\033[31m" : "\033[33m";
                printf("%s%.*s%s\n", paint(cli, color), TEXT_ARG(changes.at[i]), paint(cli, "\033[0m"));
        }
        if (!cli->quiet)
                puts(!changes.n ? "nothing changes" : cli->dry_run ? "nothing was applied (--dry-run)" : "applied");
        return EXIT_DONE;
}

/* --- init --------------------------------------------------------------------------------------------------------- */

static const char first_zone[] =
        "# The zone: who and what there is. `carnet apply zone.yaml` makes it so.\n"
        "zone: dev\n"
        "users:\n"
        "  sara: { identifier: sara@example.com, email: sara@example.com }   # then: carnet user passwd sara\n"
        "applications:\n"
        "  churn: { run: {} }          # carnet run --as churn -- python server.py\n"
        "resources:\n"
        "  churn: { identifier: \"http://localhost:8001/mcp\", owner: churn, algorithm: ES256, scopes: { run: [read] }, cutoff: feed }\n"
        "policies: [policy.cedar]\n";
static const char first_policy[] =
        "// Across the entire chain, no agent can perform a delete operation.\n"
        "@id(\"no-delete-in-any-chain\")\n"
        "forbid (principal, action, resource)\n"
        "when { context.classes.contains(Class::\"delete\") };\n";

static int write_new(const char *folder, const char *name, const char *text) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, name);
        FILE *file = fopen(path, "wxe");
        if (!file)
                return complain(EXIT_REFUSED, "%s is there already, or cannot be written", path);
        fputs(text, file);
        printf("wrote %s\n", path);
        return fclose(file) == 0 ? EXIT_DONE : complain(EXIT_REFUSED, "%s cannot be written", path);
}

int command_init(Cli *cli) {
        const char *folder = cli->n_args ? cli->args[0] : ".";
        mkdir(folder, 0777);
        int status = write_new(folder, "zone.yaml", first_zone);
        if (status == EXIT_DONE)
                status = write_new(folder, "policy.cedar", first_policy);
        return status;
}

/* --- keys and users ------------------------------------------------------------------------------------------------ */

int command_key(Cli *cli) {
        Json *answer;
        if (cli->n_args != 2)
                return usage(cli, "rotate an algorithm's key, or make an application's secret");
        if (strcmp(cli->args[0], "rotate") == 0) {
                int status = api_once(cli, "POST", zone_path(cli, "/keys/rotate"), text_print(cli->arena, "{\"algorithm\":\"%s\"}", cli->args[1]), &answer);
                if (status == EXIT_DONE)
                        printf("new %s key %.*s signs from now on; the old one verifies for a day\n", cli->args[1], TEXT_ARG(json_text(answer, "kid")));
                return status;
        }
        if (strcmp(cli->args[0], "secret") != 0)
                return usage(cli, "a key can be rotated, a secret made");
        int status = api_once(cli, "POST", zone_path(cli, "/applications/%s/secret", cli->args[1]), TEXT("{}"), &answer);
        if (status == EXIT_DONE && cli->json)
                printf("%.*s\n", TEXT_ARG(json_print(cli->arena, answer, JSON_COMPACT)));
        else if (status == EXIT_DONE)
                printf("client_id      %.*s\nclient_secret  %.*s\n(shown once; a secret made before ends now)\n", TEXT_ARG(json_text(answer, "client_id")),
                       TEXT_ARG(json_text(answer, "client_secret")));
        return status;
}

/* From the terminal without echo, else one line of stdin. */
static Text password_read(Cli *cli, const char *name) {
        struct termios before, silent;
        bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
        char line[1026];
        if (terminal) {
                fprintf(stderr, "password for %s: ", name);
                silent = before;
                silent.c_lflag &= ~(tcflag_t)ECHO;
                tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
        }
        bool got = fgets(line, sizeof line, stdin) != NULL;
        if (terminal) {
                tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
                fputc('\n', stderr);
        }
        if (!got)
                return TEXT_NONE;
        line[strcspn(line, "\r\n")] = 0;
        Text password = text_copy(cli->arena, text_of(line));
        explicit_bzero(line, sizeof line);
        return password;
}

static int user_passwd(Cli *cli, const char *name) {
        Json *answer;
        Text password = password_read(cli, name);
        if (password.len < 8)
                return complain(EXIT_REFUSED, "a password has at least 8 characters");
        Buf buf = buf_new(cli->arena, 256);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        json_put_text(&out, "password", password);
        json_close(&out, '}');
        int status = api_once(cli, "POST", zone_path(cli, "/users/%s/password", name), buf_done(&buf), &answer);
        if (status == EXIT_DONE && !cli->quiet)
                printf("%s can sign in\n", name);
        return status;
}

static int user_ls(Cli *cli) {
        Json *page;
        int status = api_once(cli, "GET", zone_path(cli, "/users"), TEXT_NONE, &page);
        const Json *items = status == EXIT_DONE ? json_object_get(page, "items") : NULL;
        if (items && cli->json)
                printf("%.*s\n", TEXT_ARG(json_print(cli->arena, items, JSON_COMPACT)));
        for (size_t i = 0; !cli->json && i < json_array_size(items); i++)
                printf("%-16.*s %.*s\n", TEXT_ARG(json_text(json_array_get(items, i), "slug")), TEXT_ARG(json_text(json_array_get(items, i), "identifier")));
        return status;
}

int command_user(Cli *cli) {
        if (cli->n_args == 0 || strcmp(cli->args[0], "ls") == 0)
                return user_ls(cli);
        if (cli->n_args == 2 && strcmp(cli->args[0], "passwd") == 0)
                return user_passwd(cli, cli->args[1]);
        return usage(cli, "users are declared in the zone file; here their passwords are set");
}

/* --- policies ------------------------------------------------------------------------------------------------------ */

/* Scenes are files of requests and what must come of them; the zone they name is played without a server. */
static int policy_test(Cli *cli) {
        SimKeys keys = {0};
        int status = EXIT_DONE;
        if (!outcome_ok(jwk_generate(ALGORITHM_EDDSA, &keys.zone)) || !outcome_ok(jwk_generate(ALGORITHM_EDDSA, &keys.agents)))
                return complain(EXIT_REFUSED, "no keys could be made");
        for (int i = 1; i < cli->n_args; i++) {
                SceneResult result = scene_play(cli->arena, &keys, cli->args[i]);
                if (result.good)
                        printf("✓ %s: %u expectations hold\n", cli->args[i], result.checks);
                else
                        printf("✗ %.*s\n", TEXT_ARG(result.problem));
                if (!result.good)
                        status = EXIT_REFUSED;
        }
        jwk_unref(keys.zone);
        jwk_unref(keys.agents);
        return status;
}

int command_policy(Cli *cli) {
        int status = EXIT_DONE;
        if (cli->n_args >= 2 && strcmp(cli->args[0], "test") == 0)
                return policy_test(cli);
        if (cli->n_args < 2 || strcmp(cli->args[0], "check") != 0)
                return usage(cli, "name Cedar files to check, or scenes to play");
        for (int i = 1; i < cli->n_args; i++) {
                const char *why;
                PolicyReport *report = NULL;
                Text text = file_text(cli->arena, cli->args[i], &why);
                if (why)
                        return complain(EXIT_REFUSED, "%s: %s", cli->args[i], why);
                bool good = policy_check_text(text_of(cli->args[i]), text, &report);
                for (size_t k = 0; report && k < report->count; k++)
                        fprintf(stderr, "%.*s\n", TEXT_ARG(report->problems[k].line_text));
                policy_report_free(report);
                printf("%s: %s\n", cli->args[i], good ? "good" : "refused");
                if (!good)
                        status = EXIT_REFUSED;
        }
        return status;
}

/* --- completion ----------------------------------------------------------------------------------------------------- */

int command_completion(Cli *cli) {
        if (cli->n_args != 1 || (strcmp(cli->args[0], "bash") != 0 && strcmp(cli->args[0], "zsh") != 0))
                return usage(cli, "bash or zsh");
        if (strcmp(cli->args[0], "zsh") == 0)
                puts("autoload -U +X bashcompinit && bashcompinit");
        printf("complete -o default -W \"");
        for (size_t i = 0; i < commands_count; i++)
                printf("%s%s", i ? " " : "", commands[i].name);
        puts("\" carnet");
        return EXIT_DONE;
}
