#include "base/json.h"
#include "base/jsonscan.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void reading_is_strict(void **state) {
        (void)state;
        Arena *a = arena_new(1 << 20);
        Json *v;
        assert_true(outcome_ok(json_read_object(a, TEXT("{\"a\":1}"), &v)));
        assert_false(outcome_ok(json_read_object(a, TEXT("{\"a\":1,\"a\":2}"), &v)));
        assert_false(outcome_ok(json_read_object(a, TEXT("{\"a\":1} x"), &v)));
        assert_false(outcome_ok(json_read_object(a, TEXT("[1]"), &v)));
        assert_false(outcome_ok(json_read(a, TEXT("\"a\\u0000b\""), &v)));
        char deep[200];
        memset(deep, '[', 100);
        memset(deep + 100, ']', 100);
        assert_false(outcome_ok(json_read(a, (Text){deep, 200}, &v)));
        arena_free(a);
}

static void what_is_written_reads_back(void **state) {
        (void)state;
        Arena *a = arena_new(1 << 20);
        Buf buf = buf_new(a, 4);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        json_put_text(&out, "t", TEXT("a\"\\\n\x01z"));
        json_put_int(&out, "n", INT64_MIN);
        json_put_texts(&out, "l", texts_words(a, TEXT("x y")));
        json_open(&out, "o", '{');
        json_close(&out, '}');
        json_put_bool(&out, "b", true);
        json_close(&out, '}');
        Json *v;
        assert_true(outcome_ok(json_read_object(a, buf_done(&buf), &v)));
        int64_t n = 0;
        assert_true(text_equal(json_text(v, "t"), TEXT("a\"\\\n\x01z")));
        assert_true(json_int(v, "n", &n) && n == INT64_MIN);
        assert_int_equal(json_texts(a, v, "l").n, 2);
        assert_true(json_bool(v, "b", false));
        arena_free(a);
}

static void own_text_is_walked(void **state) {
        (void)state;
        Arena *a = arena_new(1 << 20);
        Text name, value;
        Texts list;
        JsonScan scan = json_scan(TEXT("{\"a\":\"x\",\"n\":-12,\"o\":{\"s\":\"}\",\"l\":[1,[2]]},\"l\":[\"p\",\"q\"]}"));
        assert_true(json_scan_next(&scan, &name, &value) && text_is(name, "a") && json_scan_string(value, &value) && text_is(value, "x"));
        assert_true(json_scan_next(&scan, &name, &value) && text_is(name, "n") && text_is(value, "-12"));
        assert_true(json_scan_next(&scan, &name, &value) && text_is(name, "o") && text_is(value, "{\"s\":\"}\",\"l\":[1,[2]]}"));
        assert_false(json_scan_done(&scan));
        assert_true(json_scan_next(&scan, &name, &value) && json_scan_texts(a, value, &list) && list.n == 2 && text_is(list.at[1], "q"));
        assert_false(json_scan_next(&scan, &name, &value));
        assert_true(json_scan_done(&scan));
        arena_free(a);
}

/* What the scan does not understand it must not take for walked. */
static void unusual_text_breaks_the_walk(void **state) {
        static const char *const broken[] = {"", "x", "{", "{\"a\"", "{\"a\":", "{\"a\":}", "{\"a\":1", "{\"a\":1,}", "{\"a\":1}x", "{a:1}", "{\"a\":\"\\n\"}",
                                             "{\"a\\u0062\":1}", "{\"a\":\"x}", "{\"a\":{\"b\":\"\\\"\"}}", "{\"a\":{]", "[1 2]", "[,1]", "{\"a\" :1}", "{\"a\":1]", "[1}"};
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
                Text name, value;
                JsonScan scan = json_scan(text_of(broken[i]));
                for (int steps = 0; json_scan_next(&scan, &name, &value); steps++)
                        assert_true(steps < 10);
                assert_false(json_scan_done(&scan));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reading_is_strict),
                cmocka_unit_test(what_is_written_reads_back),
                cmocka_unit_test(own_text_is_walked),
                cmocka_unit_test(unusual_text_breaks_the_walk),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
