#include "crypto/sigcache.h"
#include "crypto/testing.h"

static Jwk *key_of(Algorithm algorithm) {
        Jwk *key = NULL;
        assert_good(jwk_generate(algorithm, &key));
        return key;
}

static void remembers_token_and_key_together(void **state) {
        (void)state;
        SigCache *cache = sigcache_new(1 << 16);
        Jwk *one = key_of(ALGORITHM_ES256), *two = key_of(ALGORITHM_ES256);
        assert_false(sigcache_has(cache, TEXT("a.b.c"), one));
        sigcache_add(cache, TEXT("a.b.c"), one);
        assert_true(sigcache_has(cache, TEXT("a.b.c"), one));
        assert_false(sigcache_has(cache, TEXT("a.b.c"), two));
        assert_false(sigcache_has(cache, TEXT("a.b.d"), one));
        sigcache_forget(cache, one);
        assert_false(sigcache_has(cache, TEXT("a.b.c"), one));
        sigcache_add(cache, TEXT("a.b.c"), one);
        assert_true(sigcache_has(cache, TEXT("a.b.c"), one));
        jwk_unref(one);
        jwk_unref(two);
        sigcache_free(cache);
}

static void verifies_once_and_only_what_holds(void **state) {
        Arena *a = *state;
        SigCache *cache = sigcache_new(1 << 16);
        Jwk *one = key_of(ALGORITHM_ES256), *two = key_of(ALGORITHM_ES256), *rsa = key_of(ALGORITHM_RS256);
        Text token;
        Jws jws;
        assert_good(jws_sign(a, one, TEXT_NONE, TEXT("at+jwt"), TEXT("{}"), &token));
        assert_good(jws_read(a, token, &jws));
        assert_refused(sigcache_verify(cache, &jws, two));
        assert_false(sigcache_has(cache, token, two)); /* a refusal is not remembered as anything */
        assert_good(sigcache_verify(cache, &jws, one));
        assert_true(sigcache_has(cache, token, one));
        assert_good(sigcache_verify(cache, &jws, one));
        assert_good(sigcache_verify(NULL, &jws, one));
        assert_refused(sigcache_verify(cache, &jws, two));
        sigcache_add(cache, token, rsa); /* even then the key must fit the header */
        assert_refused(sigcache_verify(cache, &jws, rsa));
        jwk_unref(one);
        jwk_unref(two);
        jwk_unref(rsa);
        sigcache_free(cache);
}

static void is_bounded_and_keeps_what_is_used(void **state) {
        Arena *a = *state;
        SigCache *cache = sigcache_new(1 << 16); /* about a thousand entries */
        Jwk *key = key_of(ALGORITHM_EDDSA);
        size_t kept = 0;
        sigcache_add(cache, TEXT("hot"), key);
        for (int i = 0; i < 20000; i++) {
                sigcache_add(cache, text_print(a, "token %d", i), key);
                assert_true(sigcache_has(cache, TEXT("hot"), key)); /* used again and again: stays */
        }
        for (int i = 0; i < 20000; i++)
                kept += sigcache_has(cache, text_print(a, "token %d", i), key);
        assert_in_range(kept, 300, 1200);
        jwk_unref(key);
        sigcache_free(cache);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                with_arena(remembers_token_and_key_together),
                with_arena(verifies_once_and_only_what_holds),
                with_arena(is_bounded_and_keeps_what_is_used),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
