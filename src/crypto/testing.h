/* testing.h - what crypto's and keeper's test programs share. */
#ifndef CARNET_CRYPTO_TESTING_H
#define CARNET_CRYPTO_TESTING_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#define assert_good(expr) assert_int_equal((expr).end, OUTCOME_OK)
#define assert_refused(expr) assert_int_equal((expr).end, OUTCOME_REFUSED)
#define assert_fault(expr) assert_int_equal((expr).end, OUTCOME_FAULT)
#define assert_text(t, cstr)                                                                                           \
        do {                                                                                                           \
                Text text_ = (t);                                                                                      \
                assert_int_equal(text_.len, strlen(cstr));                                                             \
                assert_memory_equal(text_.at, cstr, text_.len);                                                        \
        } while (0)

/* Each test has its own arena. */
static inline int arena_setup(void **state) {
        *state = arena_new(8 << 20);
        return *state ? 0 : -1;
}

static inline int arena_teardown(void **state) {
        arena_free(*state);
        return 0;
}

#define with_arena(name) cmocka_unit_test_setup_teardown(name, arena_setup, arena_teardown)
#endif
