/* check.c - `carnet check URL`: walks a protected MCP server the way a client does, and names the first thing that is wrong. */
#include "base/url.h"
#include "cli/cli.h"
#include <time.h>

#define CLOCK_SECONDS 60

typedef struct Walkthrough {
        Cli *cli;
        const char *url;
        Text metadata_url, issuer, jwks_uri;
        Json *metadata, *server;
} Walkthrough;

static bool good(Walkthrough *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
static bool wrong(Walkthrough *w, const char *what, const char *fix);

static bool good(Walkthrough *w, const char *fmt, ...) {
        va_list args;
        va_start(args, fmt);
        printf("%s✓%s ", paint(w->cli, "\033[32m"), paint(w->cli, "\033[0m"));
        vprintf(fmt, args);
        putchar('\n');
        va_end(args);
        return true;
}

static bool wrong(Walkthrough *w, const char *what, const char *fix) {
        printf("%s✗ %s%s\n  fix: %s\n", paint(w->cli, "\033[31m"), what, paint(w->cli, "\033[0m"), fix);
        return false;
}

static ApiAnswer get(Walkthrough *w, Text url) {
        static const char *const headers[] = {"Accept: application/json", NULL};
        return web_call(w->cli->arena, "GET", text_copy(w->cli->arena, url).at, headers, TEXT_NONE, NULL, NULL);
}

/* name="value" of a challenge (RFC 9110 11.6.1) */
static Text challenge_value(Arena *arena, Text challenge, const char *name) {
        Text mark = text_print(arena, "%s=\"", name);
        for (size_t i = 0; i + mark.len < challenge.len; i++)
                if (text_equal(text_sub(challenge, i, i + mark.len), mark)) {
                        Text rest = text_sub(challenge, i + mark.len, challenge.len);
                        return text_sub(rest, 0, text_find(rest, '"'));
                }
        return TEXT_NONE;
}

static bool refuses_strangers(Walkthrough *w) {
        static const char *const headers[] = {"Accept: application/json, text/event-stream", "Content-Type: application/json", NULL};
        Text challenge = TEXT_NONE;
        Text ask = TEXT("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{}}");
        ApiAnswer answer = web_call(w->cli->arena, "POST", w->url, headers, ask, &challenge, NULL);
        if (!answer.status)
                return wrong(w, text_print(w->cli->arena, "nothing answers at %s (%.*s)", w->url, TEXT_ARG(answer.why)).at, "start the server, or mind host, port and path");
        if (answer.status != 401)
                return wrong(w, text_print(w->cli->arena, "without a token the server answers %ld, not 401: it is not protected at this path", answer.status).at,
                             "pass auth=auth_provider.get_remote_auth_provider() to FastMCP, and mind the path (usually /mcp)");
        w->metadata_url = challenge_value(w->cli->arena, challenge, "resource_metadata");
        if (!w->metadata_url.len)
                return wrong(w, "the 401 names no resource_metadata (RFC 9728 5.1)", "let the Carnet SDK make the challenge; a proxy may be dropping WWW-Authenticate");
        return good(w, "refuses strangers: 401, resource_metadata=%.*s", TEXT_ARG(w->metadata_url));
}

static bool describes_itself(Walkthrough *w) {
        ApiAnswer answer = get(w, w->metadata_url);
        if (answer.status != 200 || !answer.json)
                return wrong(w, "its resource metadata cannot be read there", "the server must serve /.well-known/oauth-protected-resource/… under the host that clients use");
        w->metadata = answer.json;
        Text resource = json_text(answer.json, "resource");
        if (!text_equal(resource, text_of(w->url)))
                return wrong(w, text_print(w->cli->arena, "it calls itself %.*s, you called it %s", TEXT_ARG(resource), w->url).at,
                             "clients compare them byte for byte: set the resource's identifier in the zone file to the URL that clients use");
        Texts servers = json_texts(w->cli->arena, answer.json, "authorization_servers");
        if (servers.n != 1)
                return wrong(w, "it does not name exactly one authorization server", "set CARNET_ZONE_URL, or run it under `carnet run --as …`");
        w->issuer = servers.at[0];
        return good(w, "describes itself: resource %.*s, zone %.*s", TEXT_ARG(resource), TEXT_ARG(w->issuer));
}

static bool issuer_answers(Walkthrough *w) {
        Url url;
        if (!outcome_ok(url_parse(w->issuer, &url)))
                return wrong(w, "the issuer is no URL", "use the issuer that `carnet status` prints");
        Text document = text_print(w->cli->arena, "%.*s/.well-known/oauth-authorization-server%.*s", TEXT_ARG(url_origin(w->cli->arena, &url)), TEXT_ARG(url.path));
        ApiAnswer answer = get(w, document);
        if (answer.status != 200 || !answer.json)
                return wrong(w, text_print(w->cli->arena, "the zone's metadata is not at %.*s", TEXT_ARG(document)).at, "is carnetd running, and is public_url what clients reach?");
        Text issuer = json_text(answer.json, "issuer");
        if (!text_equal(issuer, w->issuer))
                return wrong(w, text_print(w->cli->arena, "the zone calls itself %.*s, the server says %.*s", TEXT_ARG(issuer), TEXT_ARG(w->issuer)).at,
                             "issuers compare byte for byte; a trailing slash is the usual cause");
        w->jwks_uri = json_text(answer.json, "jwks_uri");
        w->server = answer.json;
        return good(w, "the zone answers as that issuer");
}

static bool keys_fit(Walkthrough *w) {
        ApiAnswer answer = get(w, w->jwks_uri);
        const Json *keys = answer.json ? json_object_get(answer.json, "keys") : NULL;
        if (!json_array_size(keys))
                return wrong(w, "the zone publishes no keys", "apply a zone file: `carnet apply zone.yaml`");
        Texts algorithms = {0};
        for (size_t i = 0; i < json_array_size(keys); i++)
                if (!outcome_ok(texts_add(w->cli->arena, &algorithms, json_text(json_array_get(keys, i), "alg"))))
                        return false;
        return good(w, "keys: %.*s", TEXT_ARG(texts_join(w->cli->arena, algorithms, " ")));
}

/* By the management API, when it is in reach: is the resource known, owned, and signed as its server verifies? */
static bool zone_knows(Walkthrough *w) {
        Api *api = api_new(w->cli);
        ApiAnswer answer = api ? api_call(api, w->cli->arena, "GET", zone_path(w->cli, "/resources?limit=100"), TEXT_NONE) : (ApiAnswer){0};
        api_free(api);
        if (answer.status != 200 || !answer.json)
                return good(w, "the zone's own view was not asked (no management API at %s)", w->cli->url ? w->cli->url : w->cli->socket);
        const Json *items = json_object_get(answer.json, "items");
        for (size_t i = 0; i < json_array_size(items); i++) {
                const Json *item = json_array_get(items, i);
                if (!text_equal(json_text(item, "identifier"), text_of(w->url)))
                        continue;
                if (!json_text(item, "application_id").len)
                        return wrong(w, "no application owns the resource: its tokens can never be exchanged onwards", "give the resource an `owner` in the zone file");
                return good(w, "the zone knows it as %.*s, owned by %.*s, signed %.*s", TEXT_ARG(json_text(item, "slug")), TEXT_ARG(json_text(item, "application_id")),
                            TEXT_ARG(json_text(item, "algorithm")));
        }
        return wrong(w, "the zone has no resource of this identifier: it will never issue a token for it",
                     text_print(w->cli->arena, "add to zone.yaml under resources:  NAME: { identifier: \"%s\", owner: APP, algorithm: ES256 }", w->url).at);
}

static bool clock_agrees(Walkthrough *w) {
        /* The zone's own clock, from its management answer's or feed's time, is not public; HTTP's Date is. */
        Text date = web_date(w->cli->arena, text_copy(w->cli->arena, w->jwks_uri).at);
        struct tm tm = {0};
        if (!date.len || !strptime(date.at, "%a, %d %b %Y %H:%M:%S", &tm))
                return good(w, "clock: the zone does not say its time");
        long long apart = (long long)(timegm(&tm) - time(NULL));
        if (apart > CLOCK_SECONDS || apart < -CLOCK_SECONDS)
                return wrong(w, text_print(w->cli->arena, "this machine's clock and the zone's are %lld s apart", apart).at, "synchronise them (NTP): tokens live minutes");
        return good(w, "clock: %lld s apart", apart < 0 ? -apart : apart);
}

int command_check(Cli *cli) {
        if (cli->n_args != 1)
                return usage(cli, "name the server's URL, path and all");
        Walkthrough w = {.cli = cli, .url = cli->args[0]};
        bool fine = refuses_strangers(&w) && describes_itself(&w) && issuer_answers(&w) && keys_fit(&w) && zone_knows(&w) && clock_agrees(&w);
        if (fine)
                puts("a client can sign in here");
        return fine ? EXIT_DONE : EXIT_REFUSED;
}
