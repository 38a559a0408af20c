/* test-manage.c - the management API over the simulated world: who may, what applies, what is kept (attacks M01, M03, M05).
 * Every test runs twice: needs answered at once, and every need parked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/digest.h"
#include "core/flows.h"
#include "core/manage.h"
#include "sim/world.h"

static const char zone_yaml[] =
        "zone: dev\n"
        "users:\n"
        "  sara: { email: sara@acme.example }\n"
        "  alex: { groups: [administrators] }\n"
        "applications:\n"
        "  churn:  { run: { uids: [1001] }, depends: { analytics: [query] } }\n"
        "  other:  { run: {} }\n"
        "  plain:  { public: true }\n"
        "  ops:    { secret: true, groups: [administrators], depends: { management: { scopes: [read, manage], direct: true } } }\n"
        "  intern: { secret: true, depends: { management: { scopes: [read, manage], direct: true } } }\n"
        "resources:\n"
        "  churn:     { identifier: \"http://localhost:8001/mcp\", owner: churn, algorithm: ES256, scopes: { run: [read] }, cutoff: feed }\n"
        "  analytics: { identifier: \"http://localhost:8002/mcp\", scopes: { query: [read], purge: [delete] } }\n"
        "providers:\n"
        "  hubspot: { type: oauth, authorization_endpoint: \"https://h.example/a\", token_endpoint: \"https://h.example/t\", client_id: carnet, client_secret_file: hubspot.secret }\n";
#define CANARY "canary-s3cr3t-0123456789"
#define ISSUER "http://localhost:8080/z/dev"
#define JWK "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\",\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}"

typedef struct Scene {
        SimKeys keys;
        Sim *sim;
        Request *last;
} Scene;

/* One request of a table. */
typedef struct Call {
        const char *method, *path, *query, *body;
        int64_t uid; /* -1: TCP */
        Text bearer;
        Params form;
} Call;

static Params params_of(Arena *arena, const char *query) {
        Param *list = arena_array(arena, Param, 8);
        Params params = {list, 0};
        Text rest = text_of(query);
        while (rest.len) {
                Text pair = text_sub(rest, 0, text_find(rest, '&'));
                size_t eq = text_find(pair, '=');
                list[params.n++] = (Param){text_sub(pair, 0, eq), text_sub(pair, eq + 1, pair.len)};
                rest = text_sub(rest, pair.len + 1, rest.len);
        }
        return params;
}

static void fill(Request *r, void *arg) {
        const Call *call = arg;
        r->in.method = text_of(call->method);
        r->in.path = text_of(call->path);
        r->in.query = call->query ? params_of(r->arena, call->query) : (Params){0};
        r->in.body = text_of(call->body);
        r->in.form = call->form;
        r->in.peer_uid = call->uid;
        r->in.bearer = call->bearer;
        r->in.source = TEXT("127.0.0.1");
}

static Json *send_call(Scene *s, const Call *call, int status) {
        bool known;
        Json *body = NULL;
        bool token = strcmp(call->path, "/token") == 0;
        const Route *route = route_find(token ? LISTENER_PUBLIC : LISTENER_MANAGEMENT, text_of(call->method), text_of(call->path), &known);
        assert_non_null(route);
        request_free(s->last);
        assert_true(sim_request(s->sim, route->flow, fill, (void *)call, &s->last));
        const Answer *answer = &s->last->answer;
        if (answer->status != status)
                fail_msg("%s %s: %d, not %d: %.*s", call->method, call->path, answer->status, status, TEXT_ARG(answer->body));
        if (answer->kind != ANSWER_JSON)
                return NULL;
        assert_true(outcome_ok(json_read_object(s->last->arena, answer->body, &body)));
        return body;
}

static Json *get(Scene *s, const char *path, const char *query, int status) {
        return send_call(s, &(Call){.method = "GET", .path = path, .query = query}, status);
}

static Json *post(Scene *s, const char *path, const char *body, int status) {
        return send_call(s, &(Call){.method = "POST", .path = path, .body = body}, status);
}

static Text apply_body(Arena *arena, const char *yaml, bool dry) {
        Buf buf = buf_new(arena, 4096);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        json_open(&out, "files", '{');
        json_put_str(&out, "zone.yaml", yaml);
        json_put_str(&out, "hubspot.secret", CANARY "\n");
        json_close(&out, '}');
        if (dry)
                json_put_bool(&out, "dry_run", true);
        json_close(&out, '}');
        return buf_done(&buf);
}

static void begin(Scene *s, bool park) {
        const SimOptions options = {.park = park, .seed = 7};
        Arena *arena = arena_new(1 << 20);
        Text problem = TEXT_NONE;
        s->sim = NULL;
        s->last = NULL;
        Outcome end = sim_new(&options, &s->keys, apply_body(arena, zone_yaml, false), &s->sim, &problem);
        if (!outcome_ok(end))
                fail_msg("%.*s", TEXT_ARG(problem));
        arena_free(arena);
}

static void end(Scene *s) {
        request_free(s->last);
        sim_free(s->sim);
}

/* No event of the zone holds a secret. */
static void no_canary(Scene *s, Text secret) {
        Rows rows;
        const Value params[] = {value_text(TEXT("dev")), value_int(0), value_int(200)};
        assert_true(outcome_ok(sim_read(s->sim, READ_events_after, params, 3, &rows)));
        assert_true(rows.n > 0);
        for (size_t i = 0; i < rows.n; i++)
                assert_null(strstr(text_copy(sim_arena(s->sim), rows_text(&rows, i, 4)).at, text_copy(sim_arena(s->sim), secret).at));
}

/* --- who may -------------------------------------------------------------------------------------------------------- */

static void who_may(Scene *s) {
        static const char *const paths[] = {"/zones/dev", "/zones/dev/applications", "/zones/dev/events", "/zones/dev/sessions", "/zones"};
        for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
                send_call(s, &(Call){.method = "GET", .path = paths[i], .uid = 0}, 200);
                send_call(s, &(Call){.method = "GET", .path = paths[i], .uid = 500}, 200); /* the server's own */
                send_call(s, &(Call){.method = "GET", .path = paths[i], .uid = 1001}, 403);
                send_call(s, &(Call){.method = "GET", .path = paths[i], .uid = -1}, 401);
                send_call(s, &(Call){.method = "GET", .path = paths[i], .uid = -1, .bearer = TEXT("x.y.z")}, 401);
        }
}

static Text token_for(Scene *s, const char *application, Text secret, const char *scope) {
        const Param form[] = {{TEXT("grant_type"), TEXT("client_credentials")}, {TEXT("resource"), TEXT(ISSUER "/management")}, {TEXT("scope"), text_of(scope)},
                              {TEXT("client_id"), text_of(application)}, {TEXT("client_secret"), secret}};
        Json *answer = send_call(s, &(Call){.method = "POST", .path = "/token", .uid = -1, .form = {form, ARRAY_LEN(form)}}, 200);
        return text_copy(sim_arena(s->sim), json_text(answer, "access_token"));
}

static Text secret_of(Scene *s, const char *path) {
        return text_copy(sim_arena(s->sim), json_text(post(s, path, NULL, 201), "client_secret"));
}

static void tokens_may(Scene *s) {
        Text ops = token_for(s, "ops", secret_of(s, "/zones/dev/applications/ops/secret"), "manage"), ops_secret = secret_of(s, "/zones/dev/applications/ops/secret");
        Text reader = token_for(s, "ops", ops_secret, "read"), intern = token_for(s, "intern", secret_of(s, "/zones/dev/applications/intern/secret"), "manage");
        send_call(s, &(Call){.method = "GET", .path = "/zones/dev", .uid = -1, .bearer = ops}, 200);
        send_call(s, &(Call){.method = "GET", .path = "/zones/dev", .uid = -1, .bearer = reader}, 200);
        send_call(s, &(Call){.method = "GET", .path = "/zones/dev", .uid = -1, .bearer = intern}, 403); /* declared, but no administrator */
        const char *cut = "{\"kind\":\"user\",\"id\":\"sara\"}";
        send_call(s, &(Call){.method = "POST", .path = "/zones/dev/cuts", .body = cut, .uid = -1, .bearer = reader}, 403);
        send_call(s, &(Call){.method = "POST", .path = "/zones/dev/cuts", .body = cut, .uid = -1, .bearer = ops}, 201);
        sim_forward(s->sim, 3600);
        send_call(s, &(Call){.method = "GET", .path = "/zones/dev", .uid = -1, .bearer = ops}, 401);
        Text fresh = token_for(s, "ops", ops_secret, "manage");
        sim_forward(s->sim, 1);
        send_call(s, &(Call){.method = "POST", .path = "/zones/dev/cuts", .body = "{\"kind\":\"application\",\"id\":\"ops\"}", .uid = -1, .bearer = fresh}, 201);
        send_call(s, &(Call){.method = "GET", .path = "/zones/dev", .uid = -1, .bearer = fresh}, 401);
        no_canary(s, ops_secret);
}

/* --- apply ----------------------------------------------------------------------------------------------------------- */

static void applies(Scene *s) {
        Arena *arena = sim_arena(s->sim);
        Rows rows;
        const Value zone[] = {value_text(TEXT("dev"))};
        char more[4096];
        snprintf(more, sizeof more, "%s%s", zone_yaml, "settings: { dcr: false }\n");
        Json *first = post(s, "/zones/dev/apply", apply_body(arena, zone_yaml, false).at, 200);
        assert_true(json_bool(first, "applied", false));
        assert_true(outcome_ok(sim_read(s->sim, READ_zone_latest, zone, 1, &rows)));
        assert_int_equal(rows_int(&rows, 0, 0), 1);
        assert_null(strstr(rows_text(&rows, 0, 1).at, CANARY));
        Json *again = post(s, "/zones/dev/apply", apply_body(arena, zone_yaml, false).at, 200);
        assert_false(json_bool(again, "applied", true));
        assert_int_equal(json_texts(s->last->arena, again, "changes").n, 0);
        Json *dry = post(s, "/zones/dev/apply", apply_body(arena, more, true).at, 200);
        Texts changes = json_texts(s->last->arena, dry, "changes");
        assert_int_equal(changes.n, 1);
        assert_true(text_is(changes.at[0], "~ zone: dcr true -> false"));
        assert_true(sim_zone(s->sim)->dcr);
        post(s, "/zones/dev/apply", apply_body(arena, more, false).at, 200);
        assert_false(sim_zone(s->sim)->dcr);
        no_canary(s, TEXT(CANARY));
}

static void applies_nothing_bad(Scene *s) {
        static const struct { const char *body, *why; } bad[] = {
                {"", "a JSON object is expected in the body"},
                {"[1]", "the body is no JSON object"},
                {"{}", "files is missing: {\"files\": {\"zone.yaml\": \"...\"}}"},
                {"{\"files\":{\"zone.yaml\":\"zone: dev\\nuser: {}\\n\"}}", "zone.yaml:2: unknown key \"user\"; did you mean \"users\"?"},
                {"{\"files\":{\"zone.yaml\":\"zone: other\\n\"}}", "zone.yaml:1: this is the file of zone \"other\", not of \"dev\""},
                {"{\"files\":{\"zone.yaml\":\"zone: dev\\n\",\"s\":\"sealed:00\"}}", "s: a file may not begin with \"sealed:\""},
        };
        Rows rows;
        const Value zone[] = {value_text(TEXT("dev"))};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                Json *answer = post(s, "/zones/dev/apply", bad[i].body, 400);
                assert_true(text_is(json_text(answer, "error_description"), bad[i].why));
        }
        assert_true(outcome_ok(sim_read(s->sim, READ_zone_latest, zone, 1, &rows)));
        assert_int_equal(rows.n, 0);
}

/* Another apply commits while this one is on its way: it is told so, and its refusal is an event of its own. */
typedef struct Rival {
        World core; /* first */
        World *real;
        Scene *scene;
        const Call *call;
        bool struck;
} Rival;

static int64_t rival_now(World *world) { return ((Rival *)world)->real->now_ms(((Rival *)world)->real); }
static void rival_cancel(World *world, Request *r) { ((Rival *)world)->real->cancel(((Rival *)world)->real, r); }

static void rival_begin(World *world, Request *r, Need *need) {
        Rival *rival = (Rival *)world;
        if (need->kind == NEED_COMMIT && !rival->struck) {
                const Value params[] = {value_text(TEXT("dev")), value_int(1), value_text(TEXT("{}")), value_int(1)};
                rival->struck = true;
                assert_true(sim_write(rival->scene->sim, WRITE_zone_version_add, params, ARRAY_LEN(params)));
        }
        rival->real->begin(rival->real, r, need);
}

static void rival_fill(Request *r, void *arg) {
        Rival *rival = arg;
        fill(r, (void *)rival->call);
        rival->real = r->world;
        r->world = &rival->core;
}

static void applies_one_of_two(Scene *s) {
        Rows rows;
        const Call call = {.method = "POST", .path = "/zones/dev/apply", .body = apply_body(sim_arena(s->sim), zone_yaml, false).at};
        Rival rival = {.core = {.now_ms = rival_now, .begin = rival_begin, .cancel = rival_cancel}, .scene = s, .call = &call};
        assert_true(sim_request(s->sim, &flow_manage_apply, rival_fill, &rival, &s->last));
        assert_int_equal(s->last->answer.status, 409);
        const Value params[] = {value_text(TEXT("dev")), value_int(0), value_int(10)};
        assert_true(outcome_ok(sim_read(s->sim, READ_events_after, params, 3, &rows)));
        assert_int_equal(rows.n, 1);
        assert_non_null(strstr(text_copy(sim_arena(s->sim), rows_text(&rows, 0, 4)).at, "\"refused\""));
}

/* --- what there is ----------------------------------------------------------------------------------------------------- */

static void shows(Scene *s) {
        Json *page = get(s, "/zones/dev/applications", "limit=2", 200), *items = json_object_get(page, "items");
        assert_int_equal(json_array_size(items), 2);
        assert_true(text_is(json_text(json_array_get(items, 0), "slug"), "churn"));
        assert_true(json_bool(json_object_get(page, "page_info"), "has_next_page", false));
        page = get(s, "/zones/dev/applications", "limit=100&after=plain", 200);
        assert_int_equal(json_array_size(json_object_get(page, "items")), 2);
        assert_false(json_bool(json_object_get(page, "page_info"), "has_next_page", true));
        get(s, "/zones/dev/applications", "limit=101", 400);
        get(s, "/zones/dev/applications", "after=nothing", 400);
        get(s, "/zones/dev/applications/nothing", NULL, 404);
        Json *resource = get(s, "/zones/dev/resources/churn", NULL, 200);
        assert_true(text_is(json_text(resource, "identifier"), "http://localhost:8001/mcp"));
        assert_true(text_is(json_text(resource, "application_id"), "churn"));
        Json *provider = get(s, "/zones/dev/providers/hubspot", NULL, 200);
        assert_true(json_bool(provider, "client_secret_set", false));
        assert_false(json_has(provider, "client_secret"));
        get(s, "/zones/dev/users/sara", NULL, 200);
        assert_true(json_array_size(json_object_get(get(s, "/zones/dev/policies", NULL, 200), "items")) >= 4);
        assert_true(text_is(json_text(get(s, "/zones/dev", NULL, 200), "issuer"), ISSUER));
        assert_int_equal(json_array_size(json_object_get(get(s, "/zones", NULL, 200), "items")), 1);
}

/* --- keys ---------------------------------------------------------------------------------------------------------------- */

static void run_keys(Scene *s) {
        const char *jwk = "{\"jwk\":" JWK "}";
        Call call = {.method = "POST", .path = "/zones/dev/applications/churn/keys", .body = jwk, .uid = 1001};
        Json *answer = send_call(s, &call, 201);
        assert_true(text_is(json_text(answer, "client_id"), "churn"));
        assert_true(text_is(json_text(answer, "issuer"), ISSUER));
        assert_true(text_is(json_text(answer, "token_endpoint"), ISSUER "/token"));
        assert_true(text_is(json_text(json_array_get(json_object_get(answer, "resources"), 0), "slug"), "churn"));
        send_call(s, &(Call){.method = "POST", .path = "/zones/dev/applications/churn/keys", .body = jwk, .uid = 0}, 201);
        send_call(s, &(Call){.method = "POST", .path = "/zones/dev/applications/other/keys", .body = jwk, .uid = 1001}, 403);
        send_call(s, &(Call){.method = "POST", .path = "/zones/dev/applications/churn/keys", .body = jwk, .uid = 1002}, 403);
        send_call(s, &(Call){.method = "POST", .path = "/zones/dev/applications/churn/keys", .body = jwk, .uid = -1}, 403);
        send_call(s, &(Call){.method = "POST", .path = "/zones/dev/applications/plain/keys", .body = jwk, .uid = 0}, 403);
        send_call(s, &(Call){.method = "POST", .path = "/zones/dev/applications/none/keys", .body = jwk, .uid = 0}, 404);
        call.body = "{\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"a\",\"y\":\"b\",\"d\":\"c\"}}";
        send_call(s, &call, 400);
        call.body = "{\"jwk\":{\"kty\":\"oct\",\"k\":\"abc\"}}";
        send_call(s, &call, 400);
        call.body = "{}";
        send_call(s, &call, 400);
}

static void secrets_and_passwords(Scene *s) {
        Rows rows;
        Text secret = secret_of(s, "/zones/dev/applications/ops/secret");
        const Value params[] = {value_text(TEXT("dev")), value_text(TEXT("ops"))};
        assert_true(outcome_ok(sim_read(s->sim, READ_secret_get, params, 2, &rows)));
        assert_true(text_equal(rows_text(&rows, 0, 0), digest_bytes(sim_arena(s->sim), secret)));
        post(s, "/zones/dev/applications/churn/secret", NULL, 403);
        post(s, "/zones/dev/applications/none/secret", NULL, 404);
        post(s, "/zones/dev/users/sara/password", "{\"password\":\"" CANARY "\"}", 204);
        post(s, "/zones/dev/users/sara/password", "{\"password\":\"short\"}", 400);
        post(s, "/zones/dev/users/none/password", "{\"password\":\"" CANARY "\"}", 404);
        const Value user[] = {value_text(TEXT("dev")), value_text(TEXT("sara"))};
        assert_true(outcome_ok(sim_read(s->sim, READ_account_get, user, 2, &rows)));
        assert_int_equal(rows.n, 1);
        assert_true(text_is(json_text(post(s, "/zones/dev/keys/rotate", "{\"algorithm\":\"ES256\"}", 200), "kid"), "the-next-key"));
        post(s, "/zones/dev/keys/rotate", "{\"algorithm\":\"HS256\"}", 400);
        no_canary(s, secret);
        no_canary(s, TEXT(CANARY));
}

/* --- sessions, events ----------------------------------------------------------------------------------------------------- */

#define SESSION "s_01kdk4000000000000000000a0"
#define CHILD "s_01kdk4000000000000000000b0"

static void session_put(Scene *s, Text id, Text parent, int64_t level) {
        int64_t now = sim_now(s->sim);
        const Value params[] = {value_text(TEXT("dev")), value_text(id), parent.len ? value_text(parent) : value_null(), value_text(TEXT(SESSION)), value_int(level),
                                value_text(TEXT("sara")), value_text(TEXT("churn")), value_text(TEXT("churn")), value_text(TEXT("")), value_int(now),
                                value_int(3600), value_int(now + 43200), value_int(now), value_int(0)};
        assert_true(sim_write(s->sim, WRITE_session_add, params, ARRAY_LEN(params)));
}

static size_t listed(Scene *s, const char *query) { return json_array_size(json_object_get(get(s, "/zones/dev/sessions", query, 200), "items")); }

static void sessions(Scene *s) {
        session_put(s, TEXT(SESSION), TEXT_NONE, 0);
        session_put(s, TEXT(CHILD), TEXT(SESSION), 1);
        assert_int_equal(listed(s, NULL), 1);
        assert_int_equal(listed(s, "include_nested=true"), 2);
        assert_int_equal(listed(s, "user=sara&status=open"), 1);
        assert_int_equal(listed(s, "user=alex"), 0);
        Json *session = get(s, "/zones/dev/sessions/" SESSION, NULL, 200);
        assert_true(text_is(json_text(session, "status"), "active"));
        assert_true(text_is(json_text(session, "user_id"), "sara"));
        Call close = {.method = "PATCH", .path = "/zones/dev/sessions/" SESSION, .body = "{\"status\":\"revoked\"}"};
        sim_forward(s->sim, 2);
        send_call(s, &(Call){.method = "PATCH", .path = "/zones/dev/sessions/" SESSION, .body = "{\"status\":\"active\"}"}, 400);
        assert_true(text_is(json_text(send_call(s, &close, 200), "status"), "revoked"));
        send_call(s, &close, 200); /* closed stays closed */
        assert_true(text_is(json_text(get(s, "/zones/dev/sessions/" SESSION, NULL, 200), "status"), "revoked"));
        assert_true(text_is(json_text(get(s, "/zones/dev/sessions/" CHILD, NULL, 200), "status"), "revoked"));
        assert_int_equal(listed(s, NULL), 0);
        assert_int_equal(listed(s, "status=revoked&include_nested=true"), 2);
        get(s, "/zones/dev/sessions/s_none", NULL, 404);
}

static void cuts(Scene *s) {
        static const struct { const char *body; int status; } asks[] = {
                {"{\"kind\":\"user\",\"id\":\"sara\"}", 201}, {"{\"kind\":\"application\",\"id\":\"churn\"}", 201},
                {"{\"kind\":\"resource\",\"id\":\"http://localhost:8001/mcp\"}", 201}, {"{\"kind\":\"session\",\"id\":\"" SESSION "\"}", 201},
                {"{\"kind\":\"user\",\"id\":\"nobody\"}", 404}, {"{\"kind\":\"session\",\"id\":\"x\"}", 400}, {"{\"kind\":\"zone\",\"id\":\"dev\"}", 400}, {"{}", 400},
        };
        Rows rows;
        for (size_t i = 0; i < ARRAY_LEN(asks); i++)
                post(s, "/zones/dev/cuts", asks[i].body, asks[i].status);
        const Value params[] = {value_text(TEXT("dev")), value_int(0), value_int(100)};
        assert_true(outcome_ok(sim_read(s->sim, READ_cuts_after, params, 3, &rows)));
        assert_int_equal(rows.n, 4);
        assert_true(text_is(rows_text(&rows, 0, 2), "sara") && text_is(rows_text(&rows, 0, 4), "sara"));
        assert_true(text_is(rows_text(&rows, 2, 2), "churn") && text_is(rows_text(&rows, 2, 4), "http://localhost:8001/mcp"));
}

static void events(Scene *s) {
        char path[128];
        post(s, "/zones/dev/cuts", "{\"kind\":\"user\",\"id\":\"sara\"}", 201);
        post(s, "/zones/dev/cuts", "{\"kind\":\"user\",\"id\":\"alex\"}", 201);
        Json *items = json_object_get(get(s, "/zones/dev/events", "limit=1", 200), "items"), *first = json_array_get(items, 0);
        int64_t seq = 0;
        assert_int_equal(json_array_size(items), 1);
        assert_true(json_int(first, "seq", &seq) && seq > 0);
        assert_true(text_is(json_text(first, "kind"), "cut") && text_is(json_text(first, "by"), "uid 0"));
        assert_int_equal(json_text(first, "hash").len, 64);
        snprintf(path, sizeof path, "/zones/dev/decisions/%.*s", TEXT_ARG(json_text(first, "id")));
        Json *decision = get(s, path, NULL, 200);
        assert_true(text_is(json_text(json_object_get(decision, "event"), "kind"), "cut"));
        assert_true(json_texts(s->last->arena, decision, "explanation").n >= 3);
        get(s, "/zones/dev/decisions/d_00000000000000000000000000", NULL, 404);
        get(s, "/zones/dev/decisions/nothing", NULL, 400);
        Json *links = json_object_get(get(s, "/zones/dev/chain", NULL, 200), "items");
        assert_int_equal(json_array_size(links), 2);
        assert_true(json_text(json_array_get(links, 0), "body").len > 0);
        send_call(s, &(Call){.method = "GET", .path = "/zones/dev/events", .query = "follow=1&after=1"}, 200);
        assert_int_equal(s->last->answer.kind, ANSWER_EVENTS);
        assert_int_equal(s->last->answer.feed_after, 1);
        get(s, "/zones/dev/events", "after=x", 400);
        get(s, "/zones/dev/events", "trace=nonsense", 400);
        get(s, "/zones/dev/delegated-grants", NULL, 200);
}

static void both_ways(void **state, void (*test)(Scene *s)) {
        for (int park = 0; park <= 1; park++) {
                begin(*state, park);
                test(*state);
                end(*state);
        }
}

#define TEST(name) static void test_##name(void **state) { both_ways(state, name); }
TEST(who_may) TEST(tokens_may) TEST(applies) TEST(applies_nothing_bad) TEST(applies_one_of_two) TEST(shows) TEST(run_keys) TEST(secrets_and_passwords) TEST(sessions) TEST(cuts) TEST(events)

static int set_up(void **state) {
        static Scene scene;
        *state = &scene;
        return outcome_ok(jwk_generate(ALGORITHM_EDDSA, &scene.keys.zone)) && outcome_ok(jwk_generate(ALGORITHM_EDDSA, &scene.keys.agents)) ? 0 : -1;
}

static int tear_down(void **state) {
        jwk_unref(((Scene *)*state)->keys.zone);
        jwk_unref(((Scene *)*state)->keys.agents);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_who_may), cmocka_unit_test(test_tokens_may), cmocka_unit_test(test_applies), cmocka_unit_test(test_applies_nothing_bad), cmocka_unit_test(test_applies_one_of_two),
                cmocka_unit_test(test_shows), cmocka_unit_test(test_run_keys), cmocka_unit_test(test_secrets_and_passwords), cmocka_unit_test(test_sessions),
                cmocka_unit_test(test_cuts), cmocka_unit_test(test_events),
        };
        return cmocka_run_group_tests_name("manage", tests, set_up, tear_down);
}
