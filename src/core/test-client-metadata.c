/* test-client-metadata.c - which documents, client URLs and redirect URIs are let in (attacks D01, D03, F04, F06). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "core/client_metadata.h"

#define URL "https://client.example/oauth/client.json"
#define REDIRECT "\"redirect_uris\":[\"http://localhost/callback\"]"

static void client_urls(void **unused) {
        (void)unused;
        static const char *const good[] = {URL, "https://client.example:8443/c", "https://client.example/a?b=c"};
        static const char *const bad[] = {
                "http://client.example/c",      "https://client.example",         "https://client.example/",      "https://u@client.example/c",
                "https://client.example/../c",  "https://client.example/a/./c",   "https://client.example/%2e%2e/c", "https://client.example/c#f",
                "https://client.example/c\\d",  "https://client.example/c%00%",    "https://client.example./c",    "https:///c",
                "https://client.example/a\tb",  "https://cli\xc3\xa9nt.example/c", "ftp://client.example/c",      "https://a@b@client.example/c",
                "https://client.example/c%00",  "https://client.example/c%0d%0a/d", "https://client.example/c%7F",
        };
        for (size_t i = 0; i < ARRAY_LEN(good); i++)
                assert_true(client_url_usable(text_of(good[i])));
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (client_url_usable(text_of(bad[i])))
                        fail_msg("let in: %s", bad[i]);
}

static void redirects(void **unused) {
        (void)unused;
        static const char *const good[] = {"https://app.example/cb", "https://app.example/cb?x=1", "http://localhost:1234/callback", "http://127.0.0.1/cb",
                                           "http://[::1]:9/cb", "com.example.app:/cb"};
        static const char *const bad[] = {
                "http://app.example/cb",          "https://app.example/cb#x",        "https://u:p@app.example/cb",  "https://app.example/a/../cb",
                "https://app.example/%2E%2e/cb",  "https://app.example/cb?code=1",   "https://app.example/cb?a=b&state=1", "https://app.example/cb?iss=x",
                "https://app.example/cb?ERROR=x", "https://app.example/cb?c%6fde=1", "javascript:alert(1)",         "data:text/html,x",
                "myapp:/cb",                      "https://app.example\\@evil/cb",   "//app.example/cb",            "",
                "http://localhost.evil.example/cb", "http://127.0.0.1.evil.example/",
        };
        for (size_t i = 0; i < ARRAY_LEN(good); i++)
                if (!client_redirect_usable(text_of(good[i])))
                        fail_msg("kept out: %s", good[i]);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (client_redirect_usable(text_of(bad[i])))
                        fail_msg("let in: %s", bad[i]);
}

typedef struct Case {
        const char *json;
        int row; /* 0: let in */
} Case;

static void documents(void **unused) {
        (void)unused;
        static const Case cases[] = {
                {"{\"client_id\":\"" URL "\"," REDIRECT "}", 0},
                {"{\"client_id\":\"" URL "\"," REDIRECT ",\"token_endpoint_auth_method\":\"none\",\"scope\":\" offline_access\"}", 0},
                {"{\"client_id\":\"" URL "\"," REDIRECT ",\"token_endpoint_auth_method\":\"private_key_jwt\",\"jwks_uri\":\"https://client.example/k\"}", 0},
                {"{\"client_id\":\"" URL "/\"," REDIRECT "}", REFUSAL_CLIENT_METADATA},
                {"{" REDIRECT "}", REFUSAL_CLIENT_METADATA},
                {"[]", REFUSAL_CLIENT_METADATA},
                {"{\"client_id\":\"" URL "\"}", REFUSAL_REDIRECT_URI},
                {"{\"client_id\":\"" URL "\",\"redirect_uris\":\"https://app.example/cb\"}", REFUSAL_REDIRECT_URI},
                {"{\"client_id\":\"" URL "\",\"redirect_uris\":[\"http://app.example/cb\"]}", REFUSAL_REDIRECT_URI},
                {"{\"client_id\":\"" URL "\"," REDIRECT ",\"client_secret\":\"x\"}", REFUSAL_CLIENT_METADATA},
                {"{\"client_id\":\"" URL "\"," REDIRECT ",\"token_endpoint_auth_method\":\"client_secret_basic\"}", REFUSAL_CLIENT_METADATA},
                {"{\"client_id\":\"" URL "\"," REDIRECT ",\"token_endpoint_auth_method\":\"private_key_jwt\"}", REFUSAL_CLIENT_METADATA},
                {"{\"client_id\":\"" URL "\"," REDIRECT ",\"token_endpoint_auth_method\":7}", REFUSAL_CLIENT_METADATA},
                {"{\"client_id\":\"" URL "\"," REDIRECT ",\"grant_types\":[\"client_credentials\"]}", REFUSAL_CLIENT_METADATA},
                {"{\"client_id\":\"" URL "\"," REDIRECT ",\"response_types\":[\"token\"]}", REFUSAL_CLIENT_METADATA},
                {"{\"client_id\":\"" URL "\"," REDIRECT ",\"token_endpoint_auth_method\":\"private_key_jwt\",\"jwks\":{\"keys\":[{\"kty\":\"oct\",\"k\":\"x\"}]}}",
                 REFUSAL_CLIENT_METADATA},
                {"{\"client_id\":\"" URL "\"," REDIRECT ",\"token_endpoint_auth_method\":\"private_key_jwt\",\"jwks\":{\"keys\":[{\"kty\":\"EC\",\"d\":\"x\"}]}}",
                 REFUSAL_CLIENT_METADATA},
                {"{\"client_id\":\"" URL "\"," REDIRECT ",\"jwks_uri\":\"http://169.254.169.254/k\"}", REFUSAL_CLIENT_METADATA},
        };
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                Arena *arena = arena_new((size_t)1 << 20);
                Request *r = arena_new_of(arena, Request);
                ClientMetadata metadata;
                r->arena = arena;
                Outcome end = client_document_read(r, TEXT(URL), text_of(cases[i].json), &metadata);
                if (outcome_ok(end) != (cases[i].row == 0) || (cases[i].row && end.row != cases[i].row))
                        fail_msg("%s: ended %d, row %d", cases[i].json, end.end, end.row);
                arena_free(arena);
        }
}

static void an_oversized_document(void **unused) {
        (void)unused;
        Arena *arena = arena_new((size_t)1 << 20);
        Request *r = arena_new_of(arena, Request);
        ClientMetadata metadata;
        r->arena = arena;
        Text body = text_print(arena, "{\"client_id\":\"%s\",%s,\"x\":\"%0*d\"}", URL, REDIRECT, 6000, 0);
        Outcome end = client_document_read(r, TEXT(URL), body, &metadata);
        assert_true(outcome_refused(end));
        arena_free(arena);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(client_urls),
                cmocka_unit_test(redirects),
                cmocka_unit_test(documents),
                cmocka_unit_test(an_oversized_document),
        };
        return cmocka_run_group_tests_name("core/client-metadata", tests, NULL, NULL);
}
