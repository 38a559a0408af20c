#include "base/json.h"
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

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reading_is_strict),
                cmocka_unit_test(what_is_written_reads_back),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
