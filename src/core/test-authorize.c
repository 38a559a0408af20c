/* test-authorize.c - PKCE syntax, what is asked and how answers are written (attacks D05; RFC 9207). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "core/authorize.h"

#define C43 "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

static const Application web = {.slug = TEXT("web"), .identifier = TEXT("web")};
static const Resource resources[] = {{.slug = TEXT("churn"), .identifier = TEXT("http://localhost:8001/mcp"), .entry = true},
                                     {.slug = TEXT("hidden"), .identifier = TEXT("http://localhost:9/x"), .disabled = true},
                                     {.slug = TEXT("anchor:web"), .identifier = TEXT("web"), .owner = &web, .anchor = true, .entry = true}};
static const Zone zone = {.slug = TEXT("dev"), .issuer = TEXT("http://localhost:8080/z/dev"), .resources = resources, .n_resources = ARRAY_LEN(resources)};

static void challenges(void **unused) {
        (void)unused;
        assert_true(authorize_challenge_ok(TEXT(C43)));
        assert_true(authorize_challenge_ok(TEXT(C43 C43 C43).len > 128 ? text_sub(TEXT(C43 C43 C43), 0, 128) : TEXT(C43)));
        assert_false(authorize_challenge_ok(text_sub(TEXT(C43), 0, 42)));
        assert_false(authorize_challenge_ok(TEXT(C43 C43 C43)));
        assert_false(authorize_challenge_ok(TEXT("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM")));
        assert_false(authorize_challenge_ok(TEXT_NONE));
}

static void answers(void **unused) {
        (void)unused;
        static const char *const names[] = {"code", "state", "iss"};
        Arena *arena = arena_new(1 << 16);
        const Text values[] = {TEXT("c"), TEXT("a b&c"), TEXT("http://localhost:8080/z/dev")};
        Text plain = authorize_answer(arena, TEXT("http://127.0.0.1:1/cb"), names, values, 3);
        assert_string_equal(plain.at, "http://127.0.0.1:1/cb?code=c&state=a%20b%26c&iss=http%3A%2F%2Flocalhost%3A8080%2Fz%2Fdev");
        const Text stateless[] = {TEXT("c"), TEXT_NONE, TEXT("i")};
        assert_string_equal(authorize_answer(arena, TEXT("https://a.example/cb?x=1"), names, stateless, 3).at, "https://a.example/cb?x=1&code=c&iss=i");
        arena_free(arena);
}

typedef struct Ask {
        const char *name, *value; /* one parameter more, or another value of one */
        int row;
} Ask;

static int ask_row(const Ask *ask, Authorize *out) {
        Arena *arena = arena_new((size_t)1 << 20);
        Request *r = arena_new_of(arena, Request);
        Authorize *a = arena_new_of(arena, Authorize);
        Param params[8] = {{TEXT("response_type"), TEXT("code")}, {TEXT("code_challenge"), TEXT(C43)}, {TEXT("code_challenge_method"), TEXT("S256")},
                           {TEXT("resource"), TEXT("http://localhost:8001/mcp")}};
        size_t n = 4;
        bool replaced = false;
        for (size_t i = 0; ask->name && i < 4; i++)
                if (text_is(params[i].name, ask->name) && ask->name[0] != '+') {
                        params[i].value = text_of(ask->value);
                        replaced = true;
                }
        if (ask->name && !replaced)
                params[n++] = (Param){text_of(ask->name + (ask->name[0] == '+')), text_of(ask->value)};
        r->arena = arena;
        r->zone = &zone;
        r->state = a;
        a->params = (Params){params, n};
        Outcome end = authorize_ask(r);
        *out = *a;
        int row = outcome_ok(end) ? 0 : outcome_refused(end) && end.row ? end.row : -1;
        arena_free(arena);
        return row;
}

static void what_is_asked(void **unused) {
        (void)unused;
        static const Ask asks[] = {
                {NULL, NULL, 0},
                {"response_type", "token", REFUSAL_RESPONSE_TYPE},
                {"response_type", "", REFUSAL_MALFORMED},
                {"+response_type", "code", REFUSAL_MALFORMED},
                {"response_mode", "query", 0},
                {"response_mode", "fragment", REFUSAL_MALFORMED},
                {"code_challenge", "", REFUSAL_MALFORMED},
                {"code_challenge", "short", REFUSAL_MALFORMED},
                {"code_challenge_method", "plain", REFUSAL_MALFORMED},
                {"code_challenge_method", "", REFUSAL_MALFORMED},
                {"+state", "s", 0},
                {"+scope", "  run   offline_access ", 0},
                {"+scope", "r\xc3\xbcn", REFUSAL_SCOPE},
                {"+resource", "http://localhost:8001/mcp", 0},
                {"+resource", "http://localhost:8001/other", REFUSAL_TARGET},
                {"resource", "http://localhost:9/x", REFUSAL_TARGET},
                {"resource", "web", REFUSAL_TARGET},
                {"resource", "", REFUSAL_TARGET},
                {"prompt", "none", 0},
                {"prompt", "none login", REFUSAL_MALFORMED},
                {"prompt", "consent", 0},
                {"prompt", "create", REFUSAL_MALFORMED},
                {"request_uri", "https://x.example/r", REFUSAL_MALFORMED},
        };
        Authorize a;
        for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
                int row = ask_row(&asks[i], &a);
                if (row != asks[i].row)
                        fail_msg("%s=%s: row %d, not %d", asks[i].name ? asks[i].name : "-", asks[i].value ? asks[i].value : "-", row, asks[i].row);
        }
        assert_int_equal(ask_row(&(Ask){"+scope", " offline_access openid", 0}, &a), 0);
        assert_true(a.offline && !a.named_scopes);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(challenges), cmocka_unit_test(answers), cmocka_unit_test(what_is_asked)};
        return cmocka_run_group_tests_name("core/authorize", tests, NULL, NULL);
}
