#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "core/zone_build.h"
#include "core/zone_diff.h"

#define LANES                                                                                                          \
        "@id(\"snowflake-never-to-customer-health\")\n"                                                                \
        "forbid (principal, action, resource in Resource::\"snowflake\")\n"                                           \
        "when { context.chain.contains(Application::\"customer-health\") };\n"
#define JWKS "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\",\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}]}"
#define CA "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"

static const char good[] =
        "zone: dev\n"
        "defaults: { resource: churn }\n"
        "trust: { ca: ca.pem, loopback_documents: true }\n"
        "users:\n"
        "  sara: { identifier: sara@acme.example, email: sara@acme.example, groups: [customer-success] }\n"
        "applications:\n"
        "  cowork:  { name: Claude-like client, client_metadata: \"https://localhost:9443/cowork.json\" }\n"
        "  churn:   { run: { uids: [1001] }, depends: { analytics: [query], health: [read] } }\n"
        "  nightly: { secret: true, direct: true, depends: { analytics: { scopes: [query], direct: true, offline: false } } }\n"
        "  worker:  { jwks: worker.jwks.json }\n"
        "  web:     { public: true, redirect_uris: [\"http://127.0.0.1/callback\"] }\n"
        "  product-analytics: { run: {}, depends: { snowflake: [\"session:role:ANALYST\"] } }\n"
        "  customer-health:   { run: true, depends: { hubspot: } }\n"
        "resources:\n"
        "  churn:     { identifier: \"http://localhost:8001/mcp\", owner: churn, algorithm: ES256, scopes: { run: [read] }, default_scopes: [run], cutoff: feed, credential_lifetime_seconds: 600 }\n"
        "  analytics: { identifier: \"http://localhost:8002/mcp\", owner: product-analytics, algorithm: ES256, scopes: { query: [read], export: [write], purge: [delete] }, default_scopes: [query], cutoff: feed }\n"
        "  health:    { identifier: \"http://localhost:8003/mcp\", owner: customer-health, scopes: { read: [read] } }\n"
        "  snowflake: { identifier: \"snowflake://acme.snowflakecomputing.com\", provider: snowflake, scopes: { \"session:role:ANALYST\": [read] } }\n"
        "  hubspot:   { identifier: \"https://api.hubapi.com\", provider: hubspot, scopes: { contacts.read: [read], raw: } }\n"
        "providers:\n"
        "  snowflake: { type: federated, audience: \"https://acme.snowflakecomputing.com\", algorithm: RS256, scope_claim: scp, scope_array: true, user_claim: email }\n"
        "  hubspot:   { type: oauth, authorization_endpoint: \"http://localhost:8004/a\", token_endpoint: \"http://localhost:8004/t\", revocation_endpoint: \"http://localhost:8004/r\", client_id: carnet, client_secret_file: hubspot.secret, scopes: { contacts.read: crm.objects.contacts.read }, revoke_at_close: true }\n"
        "policies: [lanes.cedar]\n"
        "managed_policies: true\n"
        "settings: { idle_seconds: 3600, absolute_seconds: 43200, cimd: true, dcr: true, session_tokens_per_minute: 600 }\n";

static Text document_of(Arena *arena, const char *yaml, const char *cedar) {
        Buf buf = buf_new(arena, 8192);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        json_open(&out, "files", '{');
        json_put_str(&out, "zone.yaml", yaml);
        if (strstr(yaml, "lanes.cedar"))
                json_put_str(&out, "lanes.cedar", cedar);
        json_put_str(&out, "ca.pem", CA);
        json_put_str(&out, "worker.jwks.json", JWKS);
        json_put_str(&out, "private.jwks.json", "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"a\",\"y\":\"b\",\"d\":\"c\"}]}");
        json_put_str(&out, "symmetric.jwks.json", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}]}");
        json_put_str(&out, "hubspot.secret", "s3cr3t\n");
        json_put_str(&out, "notes.txt", "not named by the zone file");
        json_close(&out, '}');
        json_close(&out, '}');
        return buf_done(&buf);
}

static Outcome seal_reversed(void *arg, Arena *arena, Text zone, Text context, Text bytes, Text *out) {
        (void)arg;
        assert_true(text_is(zone, "dev"));
        assert_true(text_is(context, "provider:dev:hubspot"));
        char *to = arena_take(arena, bytes.len + 1);
        for (size_t i = 0; i < bytes.len; i++)
                to[i] = bytes.at[bytes.len - 1 - i];
        *out = (Text){to, bytes.len};
        return outcome_good();
}

static Outcome build(Arena *arena, Text document, const Zone *previous, Zone **zone, Text *canonical, Text *error) {
        const ZoneBuildContext context = {.slug = TEXT("dev"), .issuer = TEXT("http://localhost:8080/z/dev"), .previous = previous, .version = 7, .seal = seal_reversed};
        return zone_build(arena, document, &context, zone, canonical, error);
}

static Zone *build_good(Arena *arena, const char *yaml, const Zone *previous, Text *canonical) {
        Zone *zone = NULL;
        Text error = TEXT_NONE;
        Outcome end = build(arena, document_of(arena, yaml, LANES), previous, &zone, canonical, &error);
        if (!outcome_ok(end))
                fail_msg("%.*s %s", TEXT_ARG(error), end.why ? end.why : "");
        return zone;
}

static void test_good(void **state) {
        (void)state;
        Arena *arena = arena_new((size_t)32 << 20);
        Text canonical;
        Zone *zone = build_good(arena, good, NULL, &canonical);
        assert_true(text_is(zone->slug, "dev"));
        assert_int_equal(zone->version, 7);
        assert_int_equal(zone->n_applications, 7);
        assert_int_equal(zone->n_resources, 5 + 1 + 5); /* the zone's own, and the anchors of five confidential applications */
        assert_ptr_equal(zone->default_resource, zone_resource(zone, TEXT("churn")));
        const Application *churn = zone_application(zone, TEXT("churn")), *nightly = zone_application(zone, TEXT("nightly"));
        assert_int_equal(churn->proof, PROOF_KEY);
        assert_int_equal(churn->uids[0], 1001);
        assert_true(churn->anchor && churn->anchor->anchor && churn->anchor->owner == churn && !churn->anchor->entry);
        assert_true(text_is(churn->anchor->slug, "anchor:churn"));
        assert_int_equal(nightly->proof, PROOF_SECRET);
        assert_true(nightly->direct && nightly->depends[0].direct && !nightly->depends[0].offline);
        const Application *cowork = zone_application(zone, TEXT("cowork")), *web = zone_application(zone, TEXT("web"));
        assert_true(cowork->is_public && cowork->registered && !cowork->anchor && cowork->proof == PROOF_NONE);
        assert_true(web->is_public && !web->anchor && web->redirect_uris.n == 1);
        const Resource *analytics = zone_resource(zone, TEXT("analytics")), *snowflake = zone_resource(zone, TEXT("snowflake")), *hubspot = zone_resource(zone, TEXT("hubspot"));
        assert_true(analytics->entry && !snowflake->entry);
        assert_int_equal(analytics->cutoff, CUTOFF_FEED);
        assert_int_equal(snowflake->cutoff, CUTOFF_EXPIRY);
        assert_true(text_is(snowflake->algorithm, "RS256"));
        assert_int_equal(resource_scope(analytics, TEXT("purge"))->classes, CLASS_DELETE);
        assert_int_equal(resource_scope(hubspot, TEXT("raw"))->classes, CLASS_ALL);
        assert_int_equal(snowflake->provider->type, PROVIDER_FEDERATED);
        assert_int_equal(zone->idle, 3600);
        assert_int_equal(zone->stay_absolute, 30 * 86400);
        assert_true(text_is(zone->management->identifier, "http://localhost:8080/z/dev/management"));
        assert_false(zone->management->entry);
        assert_true(zone->policies && policy_set_count(zone->policies) > 1);
        policy_set_release(zone->policies);
        arena_free(arena);
}

/* What is kept holds the secret sealed, and no file that nothing names. */
static void test_canonical(void **state) {
        (void)state;
        Arena *arena = arena_new((size_t)64 << 20);
        Text canonical, again;
        Zone *zone = build_good(arena, good, NULL, &canonical), *second;
        Text error;
        assert_null(strstr(canonical.at, "s3cr3t"));
        assert_null(strstr(canonical.at, "notes.txt"));
        assert_non_null(strstr(canonical.at, "\"hubspot.secret\":\"sealed:743372633373\""));
        assert_true(outcome_ok(build(arena, canonical, zone, &second, &again, &error)));
        assert_true(text_equal(canonical, again));
        const Provider *hubspot = &second->providers[1];
        assert_true(text_is(hubspot->client_secret, "sealed:t3rc3s"));
        assert_int_equal(zone_diff(arena, second, second).n, 0);
        policy_set_release(zone->policies);
        policy_set_release(second->policies);
        arena_free(arena);
}

typedef struct Bad {
        const char *yaml, *error;
} Bad;

#define Z "zone: dev\n"
#define APP Z "applications:\n"
#define RES Z "applications:\n  churn: { run: true }\nresources:\n"
static const Bad bad[] = {
        {Z "resources:\n  churn: { identifier: \"http://localhost:8001/mcp\", scops: { run: [read] } }\n", "zone.yaml:3: unknown key \"scops\" under resources.churn; did you mean \"scopes\"?"},
        {Z "user: {}\n", "zone.yaml:2: unknown key \"user\"; did you mean \"users\"?"},
        {Z "applications:\n  a: { frobnicate: 1 }\n", "zone.yaml:3: unknown key \"frobnicate\" under applications.a"},
        {"users: {}\n", "zone.yaml:1: needs zone: SLUG"},
        {"zone: prod\n", "zone.yaml:1: this is the file of zone \"prod\", not of \"dev\""},
        {"zone: Dev\n", "zone.yaml:1: zone: expected a slug (a-z, 0-9 and -, at most 63), not \"Dev\""},
        {"- zone\n", "zone.yaml:1: expected a mapping: zone, users, applications, ..."},
        {Z "zone: dev\n", "zone.yaml:2: duplicate key (also on line 1)"},
        {Z "users:\n  a: &x {}\n  b: *x\n", "zone.yaml:3: anchors are not allowed"},
        {Z "users:\n  \"sa\\nra\": {}\n", "zone.yaml:3: user \"sa?ra\": a slug is a-z, 0-9 and -, at most 63"},
        {Z "users:\n  'sara\") };permit(principal,action,resource);//': {}\n",
         "zone.yaml:3: user \"sara?) };permit(principal,action,resource);//\": a slug is a-z, 0-9 and -, at most 63"},
        {Z "users:\n  s\xd0\xb0ra: {}\n", "zone.yaml:3: user \"s??ra\": a slug is a-z, 0-9 and -, at most 63"}, /* a Cyrillic a */
        {Z "users:\n  a: { identifier: x@y }\n  b: { identifier: x@y }\n", "zone.yaml:4: users.b: its identifier is also that of users.a"},
        {Z "users:\n  a: { identifier: b }\n  b: {}\n", "zone.yaml:4: users.b: its identifier is also that of users.a"},
        {Z "groups: { sales: }\nusers:\n  a: { groups: [sale] }\n", "zone.yaml:4: users.a.groups: no group \"sale\"; did you mean \"sales\"?"},
        {Z "users:\n  a: { groups: sales }\n", "zone.yaml:3: users.a.groups: expected a list of slugs, not \"sales\""},
        {APP "  a: { public: yes }\n", "zone.yaml:3: applications.a.public: expected true or false, not \"yes\""},
        {APP "  a: { public: true, secret: true }\n", "zone.yaml:3: applications.a: a public application has no run, secret, jwks or jwks_uri"},
        {APP "  a: { direct: true }\n", "zone.yaml:3: applications.a: direct needs a credential (run, secret, jwks or jwks_uri)"},
        {APP "  a: { jwks: workers.jwks.json }\n", "zone.yaml:3: there is no file \"workers.jwks.json\"; did you mean \"worker.jwks.json\"?"},
        {APP "  a: { jwks: private.jwks.json }\n", "zone.yaml:3: private.jwks.json: key 1 is a private key; give the public part only"},
        {APP "  a: { jwks: symmetric.jwks.json }\n", "zone.yaml:3: symmetric.jwks.json: key 1 is none of EC, RSA, OKP"},
        {APP "  a: { jwks: ca.pem }\n", "zone.yaml:3: ca.pem is not a JSON object"},
        {APP "  a: { jwks_uri: \"http://keys.example/jwks\" }\n", "zone.yaml:3: applications.a.jwks_uri: expected an https URL (http on loopback only), not \"http://keys.example/jwks\""},
        {APP "  a: { depends: { analitics: [query] } }\nresources:\n  analytics: { identifier: \"urn:x:y\" }\n",
         "zone.yaml:3: applications.a.depends: no resource \"analitics\"; did you mean \"analytics\"?"},
        {APP "  a: { depends: { x: [quary] } }\nresources:\n  x: { identifier: \"urn:x:y\", scopes: { query: [read] } }\n",
         "zone.yaml:3: applications.a.depends.x: resource x has no scope \"quary\"; did you mean \"query\"?"},
        {APP "  a: { identifier: b }\n  b: {}\n", "zone.yaml:3: applications.a: its identifier is also that of applications.b"},
        {APP "  a: { redirect_uris: [\"http://evil.example/cb\"] }\n",
         "zone.yaml:3: applications.a.redirect_uris: expected an https, loopback or private-use redirect URI, not \"http://evil.example/cb\""},
        {APP "  a: { redirect_uris: [\"https://ok.example/cb?code=1\"] }\n",
         "zone.yaml:3: applications.a.redirect_uris: expected an https, loopback or private-use redirect URI, not \"https://ok.example/cb?code=1\""},
        {APP "  a: { run: { uids: [root] } }\n", "zone.yaml:3: applications.a.run.uids: expected a user id, not \"root\""},
        {APP "  a:\n    name: \"x\\u202ey\"\n", "zone.yaml:4: applications.a.name: expected a name of at most 255 bytes without control characters, not \"x???y\""},
        {RES "  x: { }\n", "zone.yaml:5: resources.x: needs identifier"},
        {RES "  x: { identifier: analytics }\n", "zone.yaml:5: resources.x.identifier: expected an absolute URI without fragment, not \"analytics\""},
        {RES "  x: { identifier: \"https://x.example/#a\" }\n", "zone.yaml:5: resources.x.identifier: expected an absolute URI without fragment, not \"https://x.example/#a\""},
        {RES "  x: { identifier: \"https://X.example\" }\n  y: { identifier: \"https://x.example:443/\" }\n", "zone.yaml:6: resources.y.identifier: also that of resources.x"},
        {RES "  x: { identifier: \"http://localhost:8080/z/dev\" }\n", "zone.yaml:5: resources.x.identifier: that is the zone's own"},
        {RES "  x: { identifier: \"http://localhost:8080/z/dev/management\" }\n", "zone.yaml:5: resources.x.identifier: that is the zone's own"},
        {RES "  management: { identifier: \"urn:x:y\" }\n", "zone.yaml:5: resource \"management\": that is the zone's own"},
        {RES "  x: { identifier: \"urn:x:y\", owner: chum }\n", "zone.yaml:5: resources.x.owner: no application \"chum\"; did you mean \"churn\"?"},
        {RES "  x: { identifier: \"urn:x:y\", provider: nobody }\n", "zone.yaml:5: resources.x.provider: no provider \"nobody\""},
        {RES "  x: { identifier: \"urn:x:y\", cutoff: sometimes }\n", "zone.yaml:5: resources.x.cutoff: expected one of expiry, introspect, feed, immediate, not \"sometimes\""},
        {RES "  x: { identifier: \"urn:x:y\", algorithm: none }\n", "zone.yaml:5: resources.x.algorithm: expected one of RS256, ES256, EdDSA, not \"none\""},
        {RES "  x: { identifier: \"urn:x:y\", scopes: { q: [reed] } }\n", "zone.yaml:5: resources.x.scopes.q: no operation class \"reed\"; did you mean \"read\"?"},
        {RES "  x: { identifier: \"urn:x:y\", scopes: { q: [] } }\n", "zone.yaml:5: resources.x.scopes.q: expected a list of read, write, delete, administer"},
        {RES "  x: { identifier: \"urn:x:y\", scopes: { openid: [read] } }\n", "zone.yaml:5: resources.x.scopes: \"openid\" cannot be a scope's name"},
        {RES "  x: { identifier: \"urn:x:y\", default_scopes: [q] }\n", "zone.yaml:5: resources.x.default_scopes: no scope \"q\""},
        {RES "  x: { identifier: \"urn:x:y\", credential_lifetime_seconds: 0 }\n", "zone.yaml:5: resources.x.credential_lifetime_seconds: expected seconds, from 1 to a year, not \"0\""},
        {Z "providers:\n  p: { audience: x }\n", "zone.yaml:3: providers.p: needs type: federated or oauth"},
        {Z "providers:\n  p: { type: federated }\n", "zone.yaml:3: providers.p: needs audience"},
        {Z "providers:\n  p: { type: oauth, audience: x }\n", "zone.yaml:3: unknown key \"audience\" under providers.p"},
        {Z "defaults: { resource: churn }\n", "zone.yaml:2: defaults.resource: no resource \"churn\""},
        {Z "settings: { idle_seconds: 7200, absolute_seconds: 3600 }\n", "zone.yaml:2: settings: idle_seconds is more than absolute_seconds"},
        {Z "issuer: \"https://id.example/z/dev/\"\n", "zone.yaml:2: issuer: expected a URL without query, fragment and slash at the end"},
        {Z "issuer: \"https://id.example/z/dev\"\ntrust: { loopback_documents: true }\n", "zone.yaml:3: trust.loopback_documents: only where the zone itself is on loopback"},
        {Z "trust: { ca: worker.jwks.json }\n", "zone.yaml:2: trust.ca: worker.jwks.json holds no certificate, or a private key"},
        {Z "policies: [missing.cedar]\n", "zone.yaml:2: there is no file \"missing.cedar\""},
        {Z "# lanes.cedar is sent\n", "zone.yaml: policies: the file \"lanes.cedar\" is not listed"},
        {Z "users:\n", NULL},
};

static void test_bad(void **state) {
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                Arena *arena = arena_new((size_t)16 << 20);
                Zone *zone = NULL;
                Text error = TEXT_NONE, canonical = TEXT_NONE;
                Outcome end = build(arena, document_of(arena, bad[i].yaml, LANES), NULL, &zone, &canonical, &error);
                if (!bad[i].error) {
                        assert_true(outcome_ok(end)); /* the twin: nothing is wrong with it */
                        policy_set_release(zone->policies);
                } else if (!outcome_refused(end) || !text_is(error, bad[i].error))
                        fail_msg("%zu: expected\n  %s\ngot\n  %.*s", i, bad[i].error, TEXT_ARG(error));
                arena_free(arena);
        }
}

static void refused_policy(const char *cedar, const char *begins) {
        Arena *arena = arena_new((size_t)16 << 20);
        Zone *zone = NULL;
        Text error = TEXT_NONE;
        Outcome end = build(arena, document_of(arena, Z "policies: [lanes.cedar]\n", cedar), NULL, &zone, NULL, &error);
        assert_true(outcome_refused(end));
        if (!text_starts(error, text_of(begins)))
                fail_msg("expected %s..., got %.*s", begins, TEXT_ARG(error));
        arena_free(arena);
}

static void test_policies(void **state) {
        (void)state;
        refused_policy("forbid (principal, action, resource)\nwhen { context.chian.contains(Application::\"x\") };\n", "lanes.cedar:2:");
        refused_policy("forbid (principal, action, resource in Resource::\"nowhere\");\n", "lanes.cedar:1:");
        refused_policy("forbid (principal, action, resource", "lanes.cedar:1:");
}

static void has_line(Texts lines, const char *line) {
        for (size_t i = 0; i < lines.n; i++)
                if (text_is(lines.at[i], line))
                        return;
        for (size_t i = 0; i < lines.n; i++)
                print_message("  %.*s\n", TEXT_ARG(lines.at[i]));
        fail_msg("no line: %s", line);
}

static const char before[] = Z "users:\n  sara: {}\n  old: {}\napplications:\n  churn: { run: true, depends: { x: [q] } }\nresources:\n"
                               "  x: { identifier: \"urn:x:y\", scopes: { q: [read] } }\nsettings: { dcr: true }\n";
static const char after[] = Z "users:\n  sara: { email: s@x }\napplications:\n  churn: { run: true, depends: { x: [q, p] } }\n  web: { public: true }\nresources:\n"
                              "  x: { identifier: \"urn:x:y\", scopes: { q: [read, write], p: [delete] }, cutoff: feed }\npolicies: [lanes.cedar]\nsettings: { dcr: false }\n";
#define PLAIN "@id(\"no-delete\") forbid (principal, action, resource) when { context.classes.contains(Class::\"delete\") };\n"

static void test_diff(void **state) {
        (void)state;
        Arena *arena = arena_new((size_t)32 << 20);
        Zone *old, *new;
        Text error, canonical;
        assert_true(outcome_ok(build(arena, document_of(arena, before, PLAIN), NULL, &old, NULL, &error)));
        assert_true(outcome_ok(build(arena, document_of(arena, after, PLAIN), old, &new, &canonical, &error)));
        Texts lines = zone_diff(arena, old, new), first = zone_diff(arena, NULL, old);
        has_line(first, "+ zone dev");
        has_line(first, "+ application churn");
        has_line(lines, "~ user sara: email s@x");
        has_line(lines, "- user old");
        has_line(lines, "+ application web");
        has_line(lines, "~ application churn: dependency x [q] -> [q, p]");
        has_line(lines, "~ resource x: cutoff expiry -> feed, scope q read -> read write, scope p added");
        has_line(lines, "+ policy file lanes.cedar");
        has_line(lines, "+ policy no-delete (lanes.cedar:1)");
        has_line(lines, "~ zone: dcr true -> false, policies lanes.cedar");
        assert_int_equal(lines.n, 8);
        assert_non_null(strstr(canonical.at, "\"retired\":[\"user:old\"]"));
        policy_set_release(old->policies);
        policy_set_release(new->policies);
        arena_free(arena);
}

/* A slug that was removed stays removed, whether the zone before is at hand or only what was kept. */
static void test_retired(void **state) {
        (void)state;
        Arena *arena = arena_new((size_t)32 << 20);
        Zone *old, *new, *back = NULL;
        Text error, canonical;
        assert_true(outcome_ok(build(arena, document_of(arena, before, PLAIN), NULL, &old, NULL, &error)));
        assert_true(outcome_ok(build(arena, document_of(arena, after, PLAIN), old, &new, &canonical, &error)));
        assert_true(outcome_refused(build(arena, document_of(arena, before, PLAIN), new, &back, NULL, &error)));
        assert_true(text_is(error, "zone.yaml:4: user \"old\" was removed before; its slug is never used again"));
        Zone *loaded;
        assert_true(outcome_ok(build(arena, canonical, NULL, &loaded, NULL, &error)));
        assert_true(texts_have(loaded->retired, TEXT("user:old")));
        policy_set_release(old->policies);
        policy_set_release(new->policies);
        policy_set_release(loaded->policies);
        arena_free(arena);
}

static void test_documents(void **state) {
        (void)state;
        static const char *const broken[] = {"", "[]", "{}", "{\"files\":[]}", "{\"files\":{}}", "{\"files\":{\"zone.yaml\":1}}", "{\"files\":{\"zone.yaml\":\"zone: dev\",\"a\\nb\":\"\"}}"};
        for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
                Arena *arena = arena_new((size_t)16 << 20);
                Zone *zone = NULL;
                Text error = TEXT_NONE;
                assert_true(outcome_refused(build(arena, text_of(broken[i]), NULL, &zone, NULL, &error)));
                assert_true(error.len > 0);
                arena_free(arena);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good), cmocka_unit_test(test_canonical), cmocka_unit_test(test_bad), cmocka_unit_test(test_policies),
                cmocka_unit_test(test_diff), cmocka_unit_test(test_retired), cmocka_unit_test(test_documents),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
