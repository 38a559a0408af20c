#include "cli/sign_in.h"
#include "base/url.h"
#include "crypto/hash.h"
#include "runtime/listen.h"
#include "wire/form.h"
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SIGN_IN_MS 300000

static Text random_text(Arena *arena) {
        uint8_t raw[32];
        hash_random(raw, sizeof raw);
        return hash_b64url(arena, (Text){(const char *)raw, sizeof raw});
}

static const char *const json_headers[] = {"Accept: application/json", NULL};

/* RFC 9728 3: the resource says who issues tokens for it. */
static int find_issuer(SignIn *c) {
        Arena *arena = c->cli->arena;
        Url url;
        if (!outcome_ok(url_parse(c->resource, &url)))
                return complain(EXIT_USAGE, "%.*s is no URL", TEXT_ARG(c->resource));
        Text metadata = text_print(arena, "%.*s/.well-known/oauth-protected-resource%.*s", TEXT_ARG(url_origin(arena, &url)), TEXT_ARG(url.path));
        ApiAnswer answer = web_call(arena, "GET", metadata.at, json_headers, TEXT_NONE, NULL, NULL);
        Texts servers = answer.json ? json_texts(arena, answer.json, "authorization_servers") : (Texts){0};
        if (!servers.n)
                return complain(EXIT_REFUSED, "%.*s does not say which zone protects it; `carnet check` says more", TEXT_ARG(c->resource));
        c->issuer = servers.at[0];
        return EXIT_DONE;
}

static int discover(SignIn *c) {
        Arena *arena = c->cli->arena;
        Url url;
        if (!outcome_ok(url_parse(c->issuer, &url)))
                return complain(EXIT_USAGE, "%.*s is no URL", TEXT_ARG(c->issuer));
        Text document = text_print(arena, "%.*s/.well-known/oauth-authorization-server%.*s", TEXT_ARG(url_origin(arena, &url)), TEXT_ARG(url.path));
        ApiAnswer answer = web_call(arena, "GET", document.at, json_headers, TEXT_NONE, NULL, NULL);
        if (!answer.json || !text_equal(json_text(answer.json, "issuer"), c->issuer))
                return complain(EXIT_REFUSED, "the zone %.*s does not answer as that issuer", TEXT_ARG(c->issuer));
        c->authorize = json_text(answer.json, "authorization_endpoint");
        c->token_endpoint = json_text(answer.json, "token_endpoint");
        c->registration = json_text(answer.json, "registration_endpoint");
        return EXIT_DONE;
}

static int enroll(SignIn *c) {
        static const char *const headers[] = {"Content-Type: application/json", "Accept: application/json", NULL};
        Arena *arena = c->cli->arena;
        if (!outcome_ok(listen_tcp(TEXT("127.0.0.1:0"), false, &c->listener)))
                return complain(EXIT_REFUSED, "no loopback port is free");
        c->redirect = text_print(arena, "http://127.0.0.1:%d/callback", listen_port(c->listener));
        if (c->client_id.len)
                return EXIT_DONE; /* declared in the zone file, with a loopback redirect */
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

static void open_browser(SignIn *c) {
        Arena *arena = c->cli->arena;
        Form query = {0};
        c->verifier = random_text(arena);
        c->state = random_text(arena);
        const char *const pairs[][2] = {{"response_type", "code"}, {"code_challenge_method", "S256"}};
        Outcome end = outcome_good();
        for (size_t i = 0; i < ARRAY_LEN(pairs) && outcome_ok(end); i++)
                end = form_add(arena, &query, pairs[i][0], text_of(pairs[i][1]));
        const struct { const char *name; Text value; } values[] = {{"client_id", c->client_id}, {"redirect_uri", c->redirect}, {"state", c->state}, {"resource", c->resource},
                                                                  {"code_challenge", hash_b64url(arena, c->verifier)}};
        for (size_t i = 0; i < ARRAY_LEN(values) && outcome_ok(end); i++)
                end = form_add(arena, &query, values[i].name, values[i].value);
        if (c->scope.len && outcome_ok(end))
                end = form_add(arena, &query, "scope", c->scope);
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
static int callback_read(SignIn *c, int fd) {
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

static int wait_callback(SignIn *c) {
        struct pollfd fd = {.fd = c->listener, .events = POLLIN};
        if (poll(&fd, 1, SIGN_IN_MS) != 1)
                return complain(EXIT_REFUSED, "nobody signed in within five minutes");
        int peer = accept(c->listener, NULL, NULL);
        int status = peer < 0 ? complain(EXIT_REFUSED, "the browser did not come through") : callback_read(c, peer);
        if (peer >= 0)
                close(peer);
        return status;
}

static int redeem(SignIn *c) {
        static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded", "Accept: application/json", NULL};
        Arena *arena = c->cli->arena;
        Form form = {0};
        const struct { const char *name; Text value; } values[] = {{"grant_type", TEXT("authorization_code")}, {"code", c->code}, {"redirect_uri", c->redirect},
                                                                  {"client_id", c->client_id}, {"code_verifier", c->verifier}, {"resource", c->resource}};
        for (size_t i = 0; i < ARRAY_LEN(values); i++)
                if (!outcome_ok(form_add(arena, &form, values[i].name, values[i].value)))
                        return complain(EXIT_REFUSED, "out of memory");
        ApiAnswer answer = web_call(arena, "POST", text_copy(arena, c->token_endpoint).at, headers, form_write(arena, &form), NULL, NULL);
        if (answer.status != 200 || !answer.json)
                return complain(EXIT_REFUSED, "%.*s", TEXT_ARG(answer.json ? json_text(answer.json, "error_description") : answer.body));
        c->token = json_text(answer.json, "access_token");
        json_int(answer.json, "expires_in", &c->expires_in);
        return EXIT_DONE;
}

static int go(SignIn *c) {
        int status = c->issuer.len ? EXIT_DONE : find_issuer(c);
        if (status == EXIT_DONE)
                status = discover(c);
        if (status == EXIT_DONE)
                status = enroll(c);
        if (status != EXIT_DONE)
                return status;
        open_browser(c);
        status = wait_callback(c);
        return status == EXIT_DONE ? redeem(c) : status;
}

int sign_in(SignIn *c) {
        c->listener = -1;
        int status = go(c);
        if (c->listener >= 0)
                close(c->listener);
        return status;
}
