#include "crypto/seal.h"
#include "crypto/password.h"
#include "crypto/testing.h"
#include <time.h>

#define KEY TEXT("0123456789abcdef0123456789abcdef")
static const SealContext here = {{"dev", 3}, {"grant", 5}, {"g1", 2}};

static void sealed_bytes_open_only_where_they_belong(void **state) {
        Arena *a = *state;
        Text sealed, again, out;
        assert_good(seal_close(a, KEY, 1, here, TEXT("secret"), &sealed));
        assert_good(seal_close(a, KEY, 1, here, TEXT("secret"), &again));
        assert_false(text_equal(sealed, again)); /* fresh nonces */
        assert_int_equal(sealed.len, 6 + SEAL_OVERHEAD);
        assert_good(seal_open(a, KEY, 1, here, sealed, &out));
        assert_text(out, "secret");
        assert_refused(seal_open(a, KEY, 2, here, sealed, &out));
        assert_refused(seal_open(a, TEXT("1123456789abcdef0123456789abcdef"), 1, here, sealed, &out));
        const SealContext others[] = {
                {TEXT("prod"), TEXT("grant"), TEXT("g1")}, {TEXT("dev"), TEXT("lease"), TEXT("g1")}, {TEXT("dev"), TEXT("grant"), TEXT("g2")},
                {TEXT("devg"), TEXT("rant"), TEXT("g1")},  {TEXT("dev"), TEXT("grantg"), TEXT("1")}, {TEXT(""), TEXT("devgrantg1"), TEXT("")},
        };
        for (size_t i = 0; i < ARRAY_LEN(others); i++)
                assert_refused(seal_open(a, KEY, 1, others[i], sealed, &out));
}

static void every_byte_is_covered(void **state) {
        Arena *a = *state;
        Text sealed, out;
        assert_good(seal_close(a, KEY, 1, here, TEXT("secret"), &sealed));
        for (size_t i = 0; i < sealed.len; i++) {
                Text copy = text_copy(a, sealed);
                ((char *)copy.at)[i] ^= 1;
                assert_refused(seal_open(a, KEY, 1, here, copy, &out));
                assert_refused(seal_open(a, KEY, 1, here, text_sub(sealed, 0, i), &out));
        }
        assert_refused(seal_open(a, KEY, 1, here, TEXT_NONE, &out));
        assert_good(seal_close(a, KEY, 1, here, TEXT_NONE, &sealed));
        assert_good(seal_open(a, KEY, 1, here, sealed, &out));
        assert_int_equal(out.len, 0);
        assert_fault(seal_close(a, TEXT("short"), 1, here, TEXT("x"), &sealed));
}

static double seconds_of_check(Text stored, Text password, bool *right) {
        struct timespec from, to;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
        assert_good(password_check(stored, password, right));
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
        return (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
}

static void passwords_match_only_themselves(void **state) {
        Arena *a = *state;
        Text stored;
        bool right = false;
        assert_good(password_hash(a, TEXT("correct horse"), &stored));
        double known = seconds_of_check(stored, TEXT("correct horse"), &right);
        assert_true(right);
        seconds_of_check(stored, TEXT("correct horsE"), &right);
        assert_false(right);
        seconds_of_check(stored, TEXT(""), &right);
        assert_false(right);
        /* no such user: never right, and as dear (processor time, so loose bounds are enough) */
        double unknown = seconds_of_check(TEXT_NONE, TEXT("correct horse"), &right);
        assert_false(right);
        assert_true(unknown > known / 2 && known > unknown / 2);
        /* strings of another cost or kind are nobody's */
        seconds_of_check(TEXT("$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), TEXT("x"), &right);
        assert_false(right);
        assert_refused(password_hash(a, TEXT(""), &stored));
        assert_refused(password_hash(a, TEXT("a\0b"), &stored));
        assert_refused(password_hash(a, TEXT("\xff\xfe"), &stored));
        char *long_one = arena_take(a, PASSWORD_MAX + 1);
        memset(long_one, 'p', PASSWORD_MAX + 1);
        assert_refused(password_hash(a, (Text){long_one, PASSWORD_MAX + 1}, &stored));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                with_arena(sealed_bytes_open_only_where_they_belong),
                with_arena(every_byte_is_covered),
                with_arena(passwords_match_only_themselves),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
