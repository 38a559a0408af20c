#include "wire/form.h"
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

static bool reads(Text source) {
        Form form;
        return outcome_ok(form_read(arena, source, &form));
}

static void fields_are_decoded(void **state) {
        (void)state;
        Form form;
        assert_true(outcome_ok(form_read(arena, TEXT("a=1+2%2b&b=&c&d=%E2%82%AC&&"), &form)));
        assert_int_equal(form.n, 4);
        assert_true(text_is(form_get(&form, "a"), "1 2+"));
        assert_non_null(form_get(&form, "b").at);
        assert_int_equal(form_get(&form, "b").len, 0);
        assert_non_null(form_get(&form, "c").at);
        assert_true(text_is(form_get(&form, "d"), "\xe2\x82\xac"));
        assert_null(form_get(&form, "e").at);
}

static void an_empty_form_has_no_fields(void **state) {
        (void)state;
        Form form;
        assert_true(outcome_ok(form_read(arena, TEXT_NONE, &form)));
        assert_int_equal(form.n, 0);
        assert_null(form_get(&form, "a").at);
}

static void malformed_is_refused(void **state) {
        (void)state;
        static const char *const bad[] = {"a=%", "a=%2", "a=%zz", "%4=1", "=1", "a=%00", "a=%ff", "a=%c0%af", "a=%-1"};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_false(reads(text_of(bad[i])));
}

static void the_count_is_bounded(void **state) {
        (void)state;
        char many[4 * 200] = "";
        for (int i = 0; i < FORM_FIELDS; i++)
                strcat(many, "a=1&");
        assert_true(reads(text_of(many)));
        strcat(many, "a=1");
        assert_false(reads(text_of(many)));
        char empty[1000];
        memset(empty, '&', sizeof empty);
        assert_false(reads((Text){empty, sizeof empty}));
}

static void repeats_are_seen(void **state) {
        (void)state;
        Form form;
        Text one;
        assert_true(outcome_ok(form_read(arena, TEXT("resource=a&x=1&resource=b&x=2"), &form)));
        assert_true(outcome_refused(form_once(&form, "x", &one)));
        assert_int_equal(form_all(arena, &form, "resource").n, 2);
        assert_string_equal(form_repeats(&form, (const char *const[]){"resource", NULL}), "x");
        assert_null(form_repeats(&form, (const char *const[]){"resource", "x", NULL}));
}

static void what_is_written_reads_back(void **state) {
        (void)state;
        Form form = {0}, again;
        assert_true(outcome_ok(form_add(arena, &form, "a b", TEXT("&=%+ \xc3\xa4"))));
        assert_true(outcome_ok(form_add(arena, &form, "c", TEXT_NONE)));
        Text written = form_write(arena, &form);
        assert_true(text_is(written, "a+b=%26%3D%25%2B+%C3%A4&c="));
        assert_true(outcome_ok(form_read(arena, written, &again)));
        assert_true(text_equal(form_get(&again, "a b"), TEXT("&=%+ \xc3\xa4")));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(fields_are_decoded, set_up, tear_down),
                cmocka_unit_test_setup_teardown(an_empty_form_has_no_fields, set_up, tear_down),
                cmocka_unit_test_setup_teardown(malformed_is_refused, set_up, tear_down),
                cmocka_unit_test_setup_teardown(the_count_is_bounded, set_up, tear_down),
                cmocka_unit_test_setup_teardown(repeats_are_seen, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_is_written_reads_back, set_up, tear_down),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
