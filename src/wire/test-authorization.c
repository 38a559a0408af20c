#include "wire/authorization.h"
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

static void schemes_compare_without_case(void **state) {
        (void)state;
        assert_true(authorization_is(TEXT("bAsIc eA=="), "Basic"));
        assert_false(authorization_is(TEXT("Basics eA=="), "Basic"));
        assert_false(authorization_is(TEXT_NONE, "Basic"));
}

static void basic_has_two_readings(void **state) {
        (void)state;
        Basic basic;
        assert_true(outcome_ok(basic_read(arena, TEXT("Basic YSUyRGI6cytz"), &basic))); /* a%2Db:s+s */
        assert_true(text_is(basic.id, "a%2Db") && text_is(basic.decoded_id, "a-b"));
        assert_true(text_is(basic.secret, "s+s") && text_is(basic.decoded_secret, "s s"));
        assert_true(basic.differs);
        assert_true(outcome_ok(basic_read(arena, TEXT("Basic YTpiOmM="), &basic))); /* a:b:c */
        assert_true(text_is(basic.id, "a") && text_is(basic.secret, "b:c") && !basic.differs);
        assert_true(outcome_ok(basic_read(arena, TEXT("Basic YTolenoK"), &basic) /* a:%zz\n */));
        assert_true(text_is(basic.decoded_secret, "%zz\n") && !basic.differs);
}

static void broken_basic_is_refused(void **state) {
        (void)state;
        static const char *const bad[] = {"Basic", "Basic ", "Basic !!!", "Basic YQ==", "Basic YTpi YTpi", "Basic gICAOmI=", "Bearer YTpi"};
        Basic basic;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_true(outcome_refused(basic_read(arena, text_of(bad[i]), &basic)));
}

static void basic_writes_what_it_reads(void **state) {
        (void)state;
        Basic basic;
        Text id = TEXT("https://a:1/x=y"), secret = TEXT("p: =%");
        assert_true(outcome_ok(basic_read(arena, basic_write(arena, id, secret), &basic)));
        assert_true(text_equal(basic.decoded_id, id) && text_equal(basic.decoded_secret, secret));
}

static void bearer_is_a_b64token(void **state) {
        (void)state;
        Text token;
        assert_true(outcome_ok(bearer_read(TEXT("bearer a.b-c_d~e+f/g=="), &token)));
        assert_true(text_is(token, "a.b-c_d~e+f/g=="));
        static const char *const bad[] = {"Bearer", "Bearer ", "Bearer =", "Bearer a b", "Bearer a=b", "Bearer a,b", "Basic a"};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_true(outcome_refused(bearer_read(text_of(bad[i]), &token)));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(schemes_compare_without_case, set_up, tear_down),
                cmocka_unit_test_setup_teardown(basic_has_two_readings, set_up, tear_down),
                cmocka_unit_test_setup_teardown(broken_basic_is_refused, set_up, tear_down),
                cmocka_unit_test_setup_teardown(basic_writes_what_it_reads, set_up, tear_down),
                cmocka_unit_test_setup_teardown(bearer_is_a_b64token, set_up, tear_down),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
