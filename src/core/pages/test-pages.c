/* test-pages.c - what a hostile name cannot do to a page, and what each page says. With CARNET_PAGES=DIR the pages are
 * written there, for tools/screenshots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "core/pages/page.h"
#include "core/pages/views.h"
#include <stdio.h>
#include <stdlib.h>

#define T(x) TEXT(x)

static Text scope_run[] = {{"run", 3}}, scope_query[] = {{"query", 5}, {"export", 6}}, scope_analyst[] = {{"session:role:ANALYST", 20}},
            scope_read[] = {{"read", 4}}, scope_contacts[] = {{"contacts.read", 13}};
static const Provider hubspot = {.slug = T("hubspot"), .type = PROVIDER_OAUTH, .authorization_endpoint = T("https://app.hubspot.com/oauth/authorize")};
static const Resource r_churn = {.slug = T("churn"), .identifier = T("http://localhost:8001/mcp")},
                      r_analytics = {.slug = T("analytics"), .identifier = T("http://localhost:8002/mcp")},
                      r_health = {.slug = T("health"), .identifier = T("http://localhost:8003/mcp")},
                      r_snowflake = {.slug = T("snowflake"), .identifier = T("snowflake://acme.snowflakecomputing.com")},
                      r_hubspot = {.slug = T("hubspot"), .identifier = T("https://api.hubapi.com"), .provider = &hubspot};
static const Application cowork = {.slug = T("cowork"), .identifier = T("cowork"), .name = T("Claude-like client"), .registered = true, .is_public = true},
                         churn = {.slug = T("churn"), .identifier = T("churn"), .registered = true},
                         stranger = {.slug = T("https://claude.ai/oauth/claude-code-client-metadata"), .name = T("Claude Code")};
static const User sara = {.slug = T("sara"), .identifier = T("sara@acme.example"), .name = T("Sara")};
static const Zone zone = {.slug = T("dev"), .issuer = T("http://localhost:8080/z/dev"), .idle = 3600, .absolute = 43200, .stay_idle = 14 * 86400,
                          .stay_absolute = 30 * 86400, .applications = &cowork, .n_applications = 1, .users = &sara, .n_users = 1};

static Walk walk = {
        .nodes = {{&cowork, &r_churn, {scope_run, 1}, CLASS_READ, 0, false},
                  {&churn, &r_analytics, {scope_query, 2}, CLASS_READ | CLASS_WRITE, 1, false},
                  {&churn, &r_snowflake, {scope_analyst, 1}, CLASS_READ, 2, false},
                  {&churn, &r_health, {scope_read, 1}, CLASS_READ, 1, true},
                  {&churn, &r_hubspot, {scope_contacts, 1}, CLASS_ALL, 2, false}},
        .n = 5,
};

static Request *fresh(void) {
        Arena *arena = arena_new((size_t)4 << 20);
        Request *r = arena_new_of(arena, Request);
        r->arena = arena;
        r->zone = &zone;
        r->now = 1795522000;
        r->event.id = T("d_06f3k2m8q4t7v9xz0c1d5");
        return r;
}

static void keep(Request *r, const char *name) {
        const char *dir = getenv("CARNET_PAGES");
        char path[512];
        if (!dir)
                return;
        snprintf(path, sizeof path, "%s/%s.html", dir, name);
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fwrite(r->answer.body.at, 1, r->answer.body.len, f);
        fclose(f);
}

static bool says(const Request *r, const char *what) { return r->answer.body.at && strstr(r->answer.body.at, what); }

static Authorize authorize_of(const Application *application) {
        static Param params[] = {{T("client_id"), T("x")}, {T("state"), T("\"><script>")}, {T("prompt"), T("login")}, {T("unknown"), T("gone")}};
        static Text lines[] = {T("product-analytics > analytics purge: policy no-delete-in-any-chain (lanes.cedar:12) forbids it")};
        static Text uris[] = {T("http://localhost:4312/callback")};
        walk.left_out = (Texts){lines, 1};
        Authorize a = {.params = {params, ARRAY_LEN(params)}, .walk = &walk, .redirect_uri = uris[0], .digest = T("abc")};
        a.client = (Client){.application = application, .client_id = application->slug, .name = application->name, .is_public = true,
                            .redirect_uris = {uris, 1}, .localhost_only = true};
        a.browser.user = &sara;
        return a;
}

static void every_text_is_escaped(void **unused) {
        (void)unused;
        Request *r = fresh();
        Page page = page_open(r->arena, &zone, "<Title>");
        page_text(&page, T("<b onclick=\"x\">&'"));
        page_element(&page, "p class=\"x\"", T("</p><script>"));
        page_hidden(&page, "n", T("\"><img src=x>"));
        page_notice(&page, "bad", T("<i>"));
        Text html = page_close(&page);
        assert_non_null(strstr(html.at, "&lt;b onclick=&quot;x&quot;&gt;&amp;&#39;"));
        assert_non_null(strstr(html.at, "<p class=\"x\">&lt;/p&gt;&lt;script&gt;</p>"));
        assert_non_null(strstr(html.at, "value=\"&quot;&gt;&lt;img src=x&gt;\""));
        assert_non_null(strstr(html.at, "&lt;Title&gt;"));
        assert_null(strstr(html.at, "<script"));
        arena_free(r->arena);
}

static void names_cannot_turn_the_sentence(void **unused) {
        (void)unused;
        Request *r = fresh();
        Page page = {.buf = buf_new(r->arena, 64)};
        page_text(&page, T("a\xe2\x80\xae" "b\xe2\x81\xa6" "c\x07" "d\xc2\x85" "e\xe2\x80\x8b" "f\xd8\x9c" "g\xc3\xa9"));
        assert_string_equal(buf_done(&page.buf).at, "abcdefg\xc3\xa9");
        page_text(&page, T("\xff\xfe"));
        assert_non_null(strstr(buf_done(&page.buf).at, "(not readable)"));
        arena_free(r->arena);
}

static void durations_read_well(void **unused) {
        (void)unused;
        Request *r = fresh();
        assert_string_equal(duration_text(r->arena, 3600).at, "1 hour");
        assert_string_equal(duration_text(r->arena, 5400).at, "90 minutes");
        assert_string_equal(duration_text(r->arena, 43200).at, "12 hours");
        assert_string_equal(duration_text(r->arena, 30 * 86400).at, "30 days");
        assert_string_equal(time_text(r->arena, 0).at, "1 Jan 1970, 00:00 UTC");
        arena_free(r->arena);
}

static void consent_shows_what_it_reaches(void **unused) {
        (void)unused;
        Request *r = fresh();
        Authorize a = authorize_of(&cowork);
        a.client.host = T("localhost:9443");
        a.offline = true;
        a.n_connections = a.n_missing = 1;
        a.connections[0] = (Connection){&hubspot, false};
        const ConsentView view = {.authorize = &a, .csrf = T("mac")};
        consent_page(r, &view);
        assert_true(says(r, "<span class=\"host\">localhost:9443</span>"));
        assert_true(says(r, "It calls itself \xe2\x80\x9c" "Claude-like client"));
        assert_true(says(r, "no-delete-in-any-chain"));
        assert_true(says(r, "app.hubspot.com"));
        assert_true(says(r, "name=\"action\" value=\"deny\""));
        assert_true(says(r, "name=\"stay\" value=\"1\">"));
        assert_false(says(r, " checked>"));
        assert_true(says(r, "value=\"&quot;&gt;&lt;script&gt;\""));
        assert_false(says(r, "name=\"prompt\"") || says(r, "name=\"unknown\""));
        keep(r, "consent");
        arena_free(r->arena);
}

static void consent_joins_or_begins(void **unused) {
        (void)unused;
        Request *r = fresh();
        Authorize a = authorize_of(&stranger);
        a.client.host = T("claude.ai");
        a.open = (Session){.id = T("s_1"), .opened = r->now - 900, .ends = r->now + 42300, .idle = 3600};
        const ConsentView view = {.authorize = &a, .csrf = T("mac"), .notice = T("What it would reach has changed since this page was shown. Look again.")};
        consent_page(r, &view);
        assert_true(says(r, "value=\"join\" checked"));
        assert_false(says(r, "name=\"stay\""));
        assert_true(says(r, "Not registered in this zone."));
        keep(r, "consent-join");
        arena_free(r->arena);
}

static void remembered_consent_is_one_button(void **unused) {
        (void)unused;
        Request *r = fresh();
        Authorize a = authorize_of(&cowork);
        a.client.host = T("cowork.example");
        a.client.localhost_only = false;
        a.redirect_uri = T("https://cowork.example/callback");
        a.remembered = true;
        a.remembered_at = r->now - 86400 * 3;
        const ConsentView view = {.authorize = &a, .csrf = T("mac")};
        consent_page(r, &view);
        assert_true(says(r, "buttons one") && says(r, "Continue</button>"));
        keep(r, "consent-remembered");
        arena_free(r->arena);
}

static void sign_in_page(void **unused) {
        (void)unused;
        Request *r = fresh();
        LoginView view = {.next = T("authorize"), .query = T("client_id=x&state=%22"), .csrf = T("mac"), .status = 200};
        login_page(r, &view);
        assert_true(says(r, "value=\"client_id=x&amp;state=%22\""));
        keep(r, "login");
        view.error = T("The name or the password is wrong.");
        view.user = T("sara");
        view.status = 401;
        login_page(r, &view);
        assert_true(says(r, "role=\"alert\""));
        keep(r, "login-wrong");
        arena_free(r->arena);
}

static void account_lists_what_is_open(void **unused) {
        (void)unused;
        Request *r = fresh();
        Value s[2][14] = {{value_text(T("s_06f3k2m8q4t7v9xz0c1d5e")), value_null(), value_text(T("s_1")), value_int(0), value_text(T("sara")),
                           value_text(T("cowork")), value_text(T("x")), value_text(T("b")), value_int(r->now - 600), value_int(3600),
                           value_int(r->now + 42600), value_int(r->now), value_int(0), value_null()},
                          {value_text(T("s_06f3k2m8q4t7v9xz0c1d5f")), value_text(T("s_06f3k2m8q4t7v9xz0c1d5e")), value_text(T("s_1")), value_int(1),
                           value_text(T("sara")), value_text(T("cowork")), value_text(T("x")), value_text(T("b")), value_int(r->now - 60), value_int(3600),
                           value_int(r->now + 42600), value_int(r->now), value_int(0), value_null()}};
        Value c[] = {value_text(T("https://claude.ai/oauth/claude-code-client-metadata")), value_text(T("a")), value_text(T("d")), value_int(r->now - 86400)};
        Value g[] = {value_text(T("g_1")), value_text(T("sara")), value_text(T("hubspot")), value_text(T("sara@hub")), value_text(T("active")),
                     value_int(0), value_int(r->now - 400)};
        const Rows sessions = {2, 14, s[0]}, consents = {1, 4, c}, grants = {1, 7, g}, none = {0};
        AccountView view = {.user = &sara, .sessions = &sessions, .consents = &consents, .grants = &grants, .csrf = T("mac")};
        account_page(r, &view);
        assert_true(says(r, "value=\"s_06f3k2m8q4t7v9xz0c1d5e\"") && says(r, "value=\"withdraw\"") && says(r, "/connect\""));
        keep(r, "account");
        view = (AccountView){.user = &sara, .sessions = &none, .consents = &none, .grants = &none, .csrf = T("mac")};
        account_page(r, &view);
        keep(r, "account-empty");
        arena_free(r->arena);
}

static void refusals_and_messages(void **unused) {
        (void)unused;
        Request *r = fresh();
        r->why = T("redirect_uri is none of those that this client registered");
        refusal_page(r, outcome_refuse(REFUSAL_REDIRECT_URI, NULL));
        assert_int_equal(r->answer.status, 400);
        keep(r, "error");
        refusal_page(r, outcome_refuse(REFUSAL_CLIENT, NULL));
        assert_int_equal(r->answer.status, 400);
        r->in.json_wanted = true;
        refusal_page(r, outcome_refuse(REFUSAL_CLIENT, NULL));
        assert_int_equal(r->answer.kind, ANSWER_JSON);
        message_page(r, 200, "Done", T("You can close this window and go back to the application."), "/account", "Your account");
        keep(r, "done");
        logout_page(r, &sara, T("mac"));
        keep(r, "logout");
        arena_free(r->arena);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_text_is_escaped),        cmocka_unit_test(names_cannot_turn_the_sentence),
                cmocka_unit_test(durations_read_well),          cmocka_unit_test(consent_shows_what_it_reaches),
                cmocka_unit_test(consent_joins_or_begins),      cmocka_unit_test(remembered_consent_is_one_button),
                cmocka_unit_test(sign_in_page),                 cmocka_unit_test(account_lists_what_is_open),
                cmocka_unit_test(refusals_and_messages),
        };
        return cmocka_run_group_tests_name("core/pages", tests, NULL, NULL);
}
