#include "base/id.h"
#include "base/text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void words_are_unique_and_tolerate_spaces(void **state) {
        (void)state;
        Arena *a = arena_new(1 << 16);
        Texts w = texts_words(a, TEXT("  read  write read "));
        assert_int_equal(w.n, 2);
        assert_true(text_is(texts_join(a, w, " "), "read write"));
        assert_true(texts_within((Texts){w.at, 1}, w));
        assert_false(texts_within(w, (Texts){w.at, 1}));
        arena_free(a);
}

static void numbers_do_not_overflow(void **state) {
        (void)state;
        int64_t n = 0;
        assert_true(outcome_ok(text_int(TEXT("9223372036854775807"), &n)));
        assert_false(outcome_ok(text_int(TEXT("9223372036854775808"), &n)));
        assert_false(outcome_ok(text_int(TEXT("12a"), &n)));
        assert_false(outcome_ok(text_int(TEXT("-"), &n)));
        assert_true(outcome_ok(text_int(TEXT("-5"), &n)) && n == -5);
}

static void utf8_is_strict(void **state) {
        (void)state;
        assert_true(text_utf8(TEXT("s\xc3\xa4ra")));
        assert_false(text_utf8(TEXT("\xc0\xaf")));
        assert_false(text_utf8(TEXT("\xed\xa0\x80")));
        assert_false(text_utf8(TEXT("a\0b")));
}

static void an_arena_has_a_limit(void **state) {
        (void)state;
        Arena *a = arena_new(1 << 14);
        assert_non_null(arena_take(a, 1 << 13));
        assert_null(arena_take(a, 1 << 15));
        assert_null(arena_take(a, (size_t)-1));
        assert_non_null(arena_take(a, 64));
        arena_free(a);
}

static void ids_sort_by_time(void **state) {
        (void)state;
        Arena *a = arena_new(1 << 14);
        const uint8_t high[ID_RANDOM] = {255}, low[ID_RANDOM] = {0};
        Text early = id_make(a, 's', 1000, high), late = id_make(a, 's', 1001, low);
        assert_true(text_order(early, late) < 0);
        assert_true(id_ok(early, 's') && !id_ok(early, 'h'));
        arena_free(a);
}

static void the_zero_outcome_is_no_success(void **state) {
        (void)state;
        Outcome forgotten = {0};
        assert_false(outcome_ok(forgotten));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(words_are_unique_and_tolerate_spaces), cmocka_unit_test(numbers_do_not_overflow),
                cmocka_unit_test(utf8_is_strict), cmocka_unit_test(an_arena_has_a_limit), cmocka_unit_test(ids_sort_by_time),
                cmocka_unit_test(the_zero_outcome_is_no_success),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
