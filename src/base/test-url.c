#include "base/url.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static bool parses(const char *s) {
        Url u;
        return outcome_ok(url_parse(text_of(s), &u));
}

static void hostile_forms_are_refused(void **state) {
        (void)state;
        static const char *const bad[] = {"", "/relative", "http://a@b@c/", "http://[fe80::1%25eth0]/", "http://a\\b/", "http://a/%zz",
                                          "http://a/ b", "http://a:0/", "http://a:99999/", "http://a:/x", "http://[::1/", "http:"};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_false(parses(bad[i]));
        static const char *const good[] = {"http://localhost:8001/mcp", "snowflake://acme.snowflakecomputing.com", "urn:x:y",
                                           "https://[::1]:8/a?b#c", "com.example.app:/callback"};
        for (size_t i = 0; i < ARRAY_LEN(good); i++)
                assert_true(parses(good[i]));
}

static void resources_are_whole_values(void **state) {
        (void)state;
        assert_true(url_same_resource(TEXT("https://A.example"), TEXT("https://a.example:443/")));
        assert_false(url_same_resource(TEXT("https://a.example"), TEXT("https://a.example.evil")));
        assert_false(url_same_resource(TEXT("https://a.example/mcp"), TEXT("https://a.example/mcp/")));
        assert_true(url_within(TEXT("https://a.example/api"), TEXT("https://a.example/api/v1")));
        assert_false(url_within(TEXT("https://a.example/api"), TEXT("https://a.example/apiary")));
        assert_false(url_within(TEXT("https://a.example/api"), TEXT("https://a.example/api/../admin")));
        assert_false(url_within(TEXT("https://a.example/api"), TEXT("https://a.example/api/%2e%2e/admin")));
}

static void redirects_are_exact_but_for_a_loopback_port(void **state) {
        (void)state;
        assert_true(url_same_redirect(TEXT("http://127.0.0.1/cb"), TEXT("http://127.0.0.1:51234/cb")));
        assert_true(url_same_redirect(TEXT("http://localhost/cb"), TEXT("http://localhost:9/cb")));
        assert_false(url_same_redirect(TEXT("http://localhost/cb"), TEXT("http://127.0.0.1:9/cb")));
        assert_false(url_same_redirect(TEXT("http://localhost/cb"), TEXT("http://localhost.evil:9/cb")));
        assert_false(url_same_redirect(TEXT("http://localhost/cb"), TEXT("http://localhost:9/cb/../x")));
        assert_false(url_same_redirect(TEXT("https://a.example/cb"), TEXT("https://a.example:8443/cb")));
        assert_false(url_same_redirect(TEXT("http://localhost/cb"), TEXT("http://u@localhost:9/cb")));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(hostile_forms_are_refused),
                cmocka_unit_test(resources_are_whole_values),
                cmocka_unit_test(redirects_are_exact_but_for_a_loopback_port),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
