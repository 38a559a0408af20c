/* call.c - `carnet call URL TOOL [JSON]`: signs in as a client does (discovery, registration, code with PKCE, a loopback
 * redirect), calls one tool of an MCP server, prints what it says. Nothing is kept. */
#include "base/url.h"
#include "cli/cli.h"
#include "crypto/hash.h"
#include "runtime/listen.h"
#include "wire/form.h"
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SIGN_IN_MS 300000
#define PROTOCOL "2025-06-18"

typedef struct Caller {
        Cli *cli;
        Text url, issuer, authorize, token_endpoint, registration, client_id, redirect, verifier, state, code, token, session;
        int listener;
} Caller;

static Text random_text(Arena *arena) {
        uint8_t raw[32];
        hash_random(raw, sizeof raw);
        return hash_b64url(arena, (Text){(const char *)raw, sizeof raw});
}

static int discover(Caller *c) {
        static const char *const headers[] = {"Accept: application/json", NULL};
        Arena *arena = c->cli->arena;
        Url url;
        if (!outcome_ok(url_parse(c->url, &url)))
                return complain(EXIT_USAGE, "%.*s is no URL", TEXT_ARG(c->url));
        Text resource = text_print(arena, "%.*s/.well-known/oauth-protected-resource%.*s", TEXT_ARG(url_origin(arena, &url)), TEXT_ARG(url.path));
        ApiAnswer answer = web_call(arena, "GET", resource.at, headers, TEXT_NONE, NULL, NULL);
        Texts servers = answer.json ? json_texts(arena, answer.json, "authorization_servers") : (Texts){0};
        if (!servers.n || !outcome_ok(url_parse(servers.at[0], &url)))
                return complain(EXIT_REFUSED, "%.*s does not say which zone protects it; `carnet check` says more", TEXT_ARG(c->url));
        c->issuer = servers.at[0];
        Text document = text_print(arena, "%.*s/.well-known/oauth-authorization-server%.*s", TEXT_ARG(url_origin(arena, &url)), TEXT_ARG(url.path));
        answer = web_call(arena, "GET", document.at, headers, TEXT_NONE, NULL, NULL);
        if (!answer.json || !text_equal(json_text(answer.json, "issuer"), c->issuer))
                return complain(EXIT_REFUSED, "the zone %.*s does not answer as that issuer", TEXT_ARG(c->issuer));
        c->authorize = json_text(answer.json, "authorization_endpoint");
        c->token_endpoint = json_text(answer.json, "token_endpoint");
        c->registration = json_text(answer.json, "registration_endpoint");
        return EXIT_DONE;
}

static int enroll(Caller *c) {
        static const char *const headers[] = {"Content-Type: application/json", "Accept: application/json", NULL};
        Arena *arena = c->cli->arena;
        if (!outcome_ok(listen_tcp(TEXT("127.0.0.1:0"), false, &c->listener)))
                return complain(EXIT_REFUSED, "no loopback port is free");
        c->redirect = text_print(arena, "http://127.0.0.1:%d/callback", listen_port(c->listener));
        if (!c->registration.len)
                return complain(EXIT_REFUSED, "the zone takes no dynamic registration (settings: { dcr: true })");
        Text body = text_print(arena, "{\"client_name\":\"carnet call\",\"redirect_uris\":[\"%.*s\"],\"token_endpoint_auth_method\":\"none\","
                               "\"grant_types\":[\"authorization_code\"],\"response_types\":[\"code\"],\"application_type\":\"native\"}", TEXT_ARG(c->redirect));
        ApiAnswer answer = web_call(arena, "POST", text_copy(arena, c->registration).at, headers, body, NULL, NULL);
        if (answer.status != 201 || !answer.json)
                return complain(EXIT_REFUSED, "the zone did not register this client: %.*s", TEXT_ARG(answer.body));
        c->client_id = json_text(answer.json, "client_id");
        return EXIT_DONE;
}

static void open_browser(Caller *c) {
        Arena *arena = c->cli->arena;
        Form query = {0};
        c->verifier = random_text(arena);
        c->state = random_text(arena);
        const char *const pairs[][2] = {{"response_type", "code"}, {"code_challenge_method", "S256"}};
        Outcome end = outcome_good();
        for (size_t i = 0; i < ARRAY_LEN(pairs) && outcome_ok(end); i++)
                end = form_add(arena, &query, pairs[i][0], text_of(pairs[i][1]));
        const struct { const char *name; Text value; } values[] = {{"client_id", c->client_id}, {"redirect_uri", c->redirect}, {"state", c->state}, {"resource", c->url},
                                                                  {"code_challenge", hash_b64url(arena, c->verifier)}};
        for (size_t i = 0; i < ARRAY_LEN(values) && outcome_ok(end); i++)
                end = form_add(arena, &query, values[i].name, values[i].value);
        Text url = text_print(arena, "%.*s?%.*s", TEXT_ARG(c->authorize), TEXT_ARG(form_write(arena, &query)));
        const char *browser = getenv("BROWSER");
        fprintf(stderr, "sign in here, then come back:\n\n  %.*s\n\n", TEXT_ARG(url));
        pid_t pid = browser || getenv("DISPLAY") || getenv("WAYLAND_DISPLAY") ? fork() : -1;
        if (pid == 0) {
                execlp(browser ? browser : "xdg-open", browser ? browser : "xdg-open", url.at, (char *)NULL);
                _exit(127);
        }
}

/* One request line of the browser coming back. */
static int callback_read(Caller *c, int fd) {
        char line[8192];
        Form query = {0};
        ssize_t n = recv(fd, line, sizeof line - 1, 0);
        Text text = {line, n > 0 ? (size_t)n : 0};
        Text target = text_sub(text, text_find(text, ' ') + 1, text.len);
        target = text_sub(target, 0, text_find(target, ' '));
        static const char page[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\nDone. You can close this tab.\n";
        (void)!send(fd, page, sizeof page - 1, MSG_NOSIGNAL);
        Text source = text_copy(c->cli->arena, text_sub(target, text_find(target, '?') + 1, target.len));
        if (!outcome_ok(form_read(c->cli->arena, source, &query)))
                return complain(EXIT_REFUSED, "the browser came back with something unreadable");
        /* state: it is our browser's answer (CSRF); iss: from the zone we asked (RFC 9207, mix-up). */
        if (!text_equal(form_get(&query, "state"), c->state) || !text_equal(form_get(&query, "iss"), c->issuer))
                return complain(EXIT_REFUSED, "the answer is not to this sign-in");
        if (form_get(&query, "error").len)
                return complain(EXIT_REFUSED, "%.*s: %.*s", TEXT_ARG(form_get(&query, "error")), TEXT_ARG(form_get(&query, "error_description")));
        c->code = form_get(&query, "code");
        return c->code.len ? EXIT_DONE : complain(EXIT_REFUSED, "no code came back");
}

static int wait_callback(Caller *c) {
        struct pollfd fd = {.fd = c->listener, .events = POLLIN};
        if (poll(&fd, 1, SIGN_IN_MS) != 1)
                return complain(EXIT_REFUSED, "nobody signed in within five minutes");
        int peer = accept(c->listener, NULL, NULL);
        int status = peer < 0 ? complain(EXIT_REFUSED, "the browser did not come through") : callback_read(c, peer);
        if (peer >= 0)
                close(peer);
        return status;
}

static int redeem(Caller *c) {
        static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded", "Accept: application/json", NULL};
        Arena *arena = c->cli->arena;
        Form form = {0};
        const struct { const char *name; Text value; } values[] = {{"grant_type", TEXT("authorization_code")}, {"code", c->code}, {"redirect_uri", c->redirect},
                                                                  {"client_id", c->client_id}, {"code_verifier", c->verifier}, {"resource", c->url}};
        for (size_t i = 0; i < ARRAY_LEN(values); i++)
                if (!outcome_ok(form_add(arena, &form, values[i].name, values[i].value)))
                        return complain(EXIT_REFUSED, "out of memory");
        ApiAnswer answer = web_call(arena, "POST", text_copy(arena, c->token_endpoint).at, headers, form_write(arena, &form), NULL, NULL);
        if (answer.status != 200 || !answer.json)
                return complain(EXIT_REFUSED, "%.*s", TEXT_ARG(answer.json ? json_text(answer.json, "error_description") : answer.body));
        c->token = json_text(answer.json, "access_token");
        return EXIT_DONE;
}

/* Streamable HTTP answers with JSON or with one event that carries it. */
static Json *rpc(Caller *c, Text body, Text *session) {
        Arena *arena = c->cli->arena;
        const char *headers[7] = {"Content-Type: application/json", "Accept: application/json, text/event-stream", "MCP-Protocol-Version: " PROTOCOL,
                                  text_print(arena, "Authorization: Bearer %.*s", TEXT_ARG(c->token)).at, NULL};
        if (session->len)
                headers[4] = text_print(arena, "Mcp-Session-Id: %.*s", TEXT_ARG(*session)).at;
        ApiAnswer answer = web_call(arena, "POST", c->url.at, headers, body, NULL, NULL);
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
                complain(0, "the server refused the token; `carnet check %.*s` finds out why", TEXT_ARG(c->url));
        return answer.json;
}

static int call_tool(Caller *c, const char *tool, const char *arguments) {
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

static int sign_in(Caller *c) {
        int status = discover(c);
        if (status == EXIT_DONE)
                status = enroll(c);
        if (status != EXIT_DONE)
                return status;
        open_browser(c);
        status = wait_callback(c);
        return status == EXIT_DONE ? redeem(c) : status;
}

int command_call(Cli *cli) {
        if (cli->n_args < 2 || cli->n_args > 3)
                return usage(cli, "name a server and one of its tools");
        Caller c = {.cli = cli, .url = text_of(cli->args[0]), .listener = -1};
        int status = sign_in(&c);
        if (status == EXIT_DONE)
                status = call_tool(&c, cli->args[1], cli->n_args == 3 ? cli->args[2] : "{}");
        if (c.listener >= 0)
                close(c.listener);
        return status;
}
