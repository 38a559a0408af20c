/* call.c - `carnet call URL TOOL [JSON]`: signs in as a client does and calls one tool of an MCP server. Nothing is kept.
 * `carnet login ISSUER`: the same for the management API; prints the token for the shell that asked. */
#include "cli/sign_in.h"

#define PROTOCOL "2025-06-18"

/* Streamable HTTP answers with JSON or with one event that carries it. */
static Json *rpc(const SignIn *c, Text body, Text *session) {
        Arena *arena = c->cli->arena;
        const char *headers[7] = {"Content-Type: application/json", "Accept: application/json, text/event-stream", "MCP-Protocol-Version: " PROTOCOL,
                                  text_print(arena, "Authorization: Bearer %.*s", TEXT_ARG(c->token)).at, NULL};
        if (session->len)
                headers[4] = text_print(arena, "Mcp-Session-Id: %.*s", TEXT_ARG(*session)).at;
        ApiAnswer answer = web_call(arena, "POST", c->resource.at, headers, body, NULL, NULL);
        if (answer.session.len)
                *session = answer.session;
        Text rest = answer.body;
        while (!answer.json && rest.len) {
                size_t end = text_find(rest, '\n');
                Text line = text_sub(rest, 0, end);
                rest = text_sub(rest, end + 1, rest.len);
                if (text_starts(line, TEXT("data:")) && !outcome_ok(json_read(arena, text_trim(text_sub(line, 5, line.len)), &answer.json)))
                        answer.json = NULL;
        }
        if (answer.status == 401)
                complain(0, "the server refused the token; `carnet check %.*s` finds out why", TEXT_ARG(c->resource));
        return answer.json;
}

static int call_tool(const SignIn *c, const char *tool, const char *arguments) {
        Arena *arena = c->cli->arena;
        Text session = TEXT_NONE;
        rpc(c, TEXT("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"" PROTOCOL "\",\"capabilities\":{},"
                    "\"clientInfo\":{\"name\":\"carnet\",\"version\":\"1\"}}}"), &session);
        rpc(c, TEXT("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"), &session);
        Json *answer = rpc(c, text_print(arena, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"%s\",\"arguments\":%s}}", tool, arguments), &session);
        if (!answer)
                return complain(EXIT_REFUSED, "the server gave no answer to read");
        const Json *result = json_object_get(answer, "result");
        if (!result) {
                printf("%.*s\n", TEXT_ARG(json_print(arena, answer, JSON_INDENT(2))));
                return EXIT_REFUSED;
        }
        const Json *content = json_object_get(result, "content");
        for (size_t i = 0; !c->cli->json && i < json_array_size(content); i++)
                printf("%.*s\n", TEXT_ARG(json_text(json_array_get(content, i), "text")));
        if (c->cli->json)
                printf("%.*s\n", TEXT_ARG(json_print(arena, result, JSON_COMPACT)));
        return json_bool(result, "isError", false) ? EXIT_REFUSED : EXIT_DONE;
}

int command_call(Cli *cli) {
        if (cli->n_args < 2 || cli->n_args > 3)
                return usage(cli, "name a server and one of its tools");
        SignIn s = {.cli = cli, .resource = text_of(cli->args[0]), .client_id = text_of(cli->as)};
        int status = sign_in(&s);
        return status == EXIT_DONE ? call_tool(&s, cli->args[1], cli->n_args == 3 ? cli->args[2] : "{}") : status;
}

/* The token goes to stdout and nowhere else: `eval "$(carnet login ISSUER)"` keeps it in one shell's memory. */
int command_login(Cli *cli) {
        if (cli->n_args != 1)
                return usage(cli, "name the zone's issuer");
        Text issuer = text_of(cli->args[0]);
        SignIn s = {.cli = cli, .issuer = issuer, .resource = text_print(cli->arena, "%.*s/management", TEXT_ARG(issuer)),
                    .client_id = text_of(cli->as ? cli->as : "carnet-cli"), .scope = TEXT("read manage")};
        int status = sign_in(&s);
        if (status != EXIT_DONE)
                return status;
        if (cli->json)
                printf("{\"access_token\":\"%.*s\",\"expires_in\":%lld}\n", TEXT_ARG(s.token), (long long)s.expires_in);
        else
                printf("export CARNET_TOKEN=%.*s\n", TEXT_ARG(s.token));
        fprintf(stderr, "signed in for %lld minutes; use it with --url or CARNET_MANAGEMENT_URL\n", (long long)(s.expires_in / 60));
        return EXIT_DONE;
}
