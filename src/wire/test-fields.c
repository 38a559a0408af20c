#include "wire/cookie.h"
#include "wire/escape.h"
#include "wire/header.h"
#include "wire/sse.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static Arena *arena;

static int set_up(void **state) {
        (void)state;
        arena = arena_new(1 << 20);
        return 0;
}

static int tear_down(void **state) {
        (void)state;
        arena_free(arena);
        return 0;
}

static void one_cookie_is_read(void **state) {
        (void)state;
        Text field = TEXT("a=1; carnet=x.y=; b=2");
        assert_true(text_is(cookie_read(field, "carnet"), "x.y="));
        assert_true(text_is(cookie_read(field, "b"), "2"));
        assert_null(cookie_read(field, "c").at);
        assert_null(cookie_read(TEXT("a=1; a=2"), "a").at);
        assert_null(cookie_read(TEXT("a=1\"2"), "a").at);
        assert_null(cookie_read(TEXT_NONE, "a").at);
}

static void set_cookie_is_careful(void **state) {
        (void)state;
        assert_true(text_is(cookie_write(arena, "c", TEXT("v"), TEXT("/z/dev"), 60, true),
                            "c=v; Path=/z/dev; Max-Age=60; HttpOnly; SameSite=Lax; Secure"));
        assert_true(text_is(cookie_write(arena, "c", TEXT_NONE, TEXT("/"), COOKIE_SESSION, false), "c=; Path=/; HttpOnly; SameSite=Lax"));
        assert_null(cookie_write(arena, "c", TEXT("a;b"), TEXT("/"), 0, false).at);
        assert_null(cookie_write(arena, "c", TEXT("a\r\nb"), TEXT("/"), 0, false).at);
        assert_null(cookie_write(arena, "c", TEXT("a"), TEXT("/; Domain=x"), 0, false).at);
}

static void media_types_compare_whole(void **state) {
        (void)state;
        assert_true(media_type_is(TEXT("Application/JSON ; charset=utf-8"), "application/json"));
        assert_false(media_type_is(TEXT("application/jsonp"), "application/json"));
        assert_false(media_type_is(TEXT_NONE, "application/json"));
        assert_true(media_type_json(TEXT("application/jwk-set+json")));
        assert_false(media_type_json(TEXT("text/html+json")));
        assert_false(media_type_json(TEXT("application/+json")));
}

static void accept_takes_the_most_specific_range(void **state) {
        (void)state;
        assert_true(header_accepts(TEXT_NONE, "text/html"));
        assert_true(header_accepts(TEXT("text/*"), "text/html"));
        assert_true(header_accepts(TEXT("application/json, */*;q=0.1"), "text/html"));
        assert_false(header_accepts(TEXT("*/*, text/html;q=0.000"), "text/html"));
        assert_false(header_accepts(TEXT("application/json"), "text/html"));
        assert_false(header_accepts(TEXT(""), "text/html"));
        assert_true(header_list_has(TEXT("a, Close ,b"), "close"));
}

static void cache_ages_are_clamped(void **state) {
        (void)state;
        assert_int_equal(cache_max_age(TEXT("public, max-age=60")), 60);
        assert_int_equal(cache_max_age(TEXT("max-age=1000000000")), 86400);
        assert_int_equal(cache_max_age(TEXT("max-age=99999999999999999999")), 0);
        assert_int_equal(cache_max_age(TEXT("max-age=60, no-store")), 0);
        assert_int_equal(cache_max_age(TEXT_NONE), -1);
}

static void traceparents_are_checked(void **state) {
        (void)state;
        Text good = TEXT("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        assert_true(text_is(traceparent_trace(good), "4bf92f3577b34da6a3ce929d0e0e4736"));
        static const char *const bad[] = {
                "", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x"};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_false(traceparent_ok(text_of(bad[i])));
        assert_true(traceparent_ok(TEXT("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x")));
}

static void pages_cannot_be_broken_out_of(void **state) {
        (void)state;
        assert_true(text_is(html_escape(arena, TEXT("<a href='x' b=\"&\">\x01")), "&lt;a href=&#39;x&#39; b=&quot;&amp;&quot;&gt;\xef\xbf\xbd"));
        assert_int_equal(html_escape(arena, TEXT_NONE).len, 0);
}

static void events_keep_their_lines(void **state) {
        (void)state;
        Buf buf = buf_new(arena, 64);
        sse_event(&buf, TEXT("7"), "cut", TEXT("a\r\nb\nc\rd"));
        assert_true(text_is(buf_done(&buf), "id: 7\nevent: cut\ndata: a\ndata: b\ndata: c\ndata: d\n\n"));
        buf = buf_new(arena, 64);
        sse_event(&buf, TEXT("7\nevent: x"), NULL, TEXT(""));
        assert_true(text_is(buf_done(&buf), "data: \n\n"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(one_cookie_is_read, set_up, tear_down),
                cmocka_unit_test_setup_teardown(set_cookie_is_careful, set_up, tear_down),
                cmocka_unit_test_setup_teardown(media_types_compare_whole, set_up, tear_down),
                cmocka_unit_test_setup_teardown(accept_takes_the_most_specific_range, set_up, tear_down),
                cmocka_unit_test_setup_teardown(cache_ages_are_clamped, set_up, tear_down),
                cmocka_unit_test_setup_teardown(traceparents_are_checked, set_up, tear_down),
                cmocka_unit_test_setup_teardown(pages_cannot_be_broken_out_of, set_up, tear_down),
                cmocka_unit_test_setup_teardown(events_keep_their_lines, set_up, tear_down),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
