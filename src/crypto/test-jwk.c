#include "crypto/jws.h"
#include "crypto/b64url.h"
#include "crypto/testing.h"
#include "crypto/vectors.h"
#include <openssl/err.h>

#define EC(members) "{\"kty\":\"EC\",\"crv\":\"P-256\"," members "}"
#define XY "\"x\":\"" RFC7515_A3_X "\",\"y\":\"" RFC7515_A3_Y "\""

static bool takes(Arena *a, const char *json) {
        Jwk *key = NULL;
        bool ok = outcome_ok(jwk_read_text(a, text_of(json), &key));
        jwk_unref(key);
        return ok;
}

static void thumbprints_are_the_published_ones(void **state) {
        Arena *a = *state;
        Jwk *key;
        assert_good(jwk_read_text(a, TEXT(RFC7638_KEY), &key));
        assert_text(jwk_thumbprint(key), RFC7638_THUMBPRINT);
        assert_text(jwk_kid(key), "2011-04-29");
        assert_int_equal(jwk_algorithm(key), ALGORITHM_RS256);
        jwk_unref(key);
        assert_good(jwk_read_text(a, TEXT(RFC8037_KEY), &key));
        assert_text(jwk_thumbprint(key), RFC8037_THUMBPRINT);
        assert_text(jwk_kid(key), RFC8037_THUMBPRINT);
        assert_false(jwk_private(key));
        jwk_unref(key);
}

static void secrets_are_refused_where_public_keys_belong(void **state) {
        Arena *a = *state;
        assert_true(takes(a, EC(XY)));
        assert_false(takes(a, EC(XY ",\"d\":\"" RFC7515_A3_D "\"")));
        assert_false(takes(a, EC(XY ",\"k\":\"AAAA\"")));
        assert_false(takes(a, "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow\"}"));
        assert_false(takes(a, "{\"kty\":\"oct\",\"alg\":\"HS256\"}"));
}

static void wrong_curves_and_uses_are_refused(void **state) {
        Arena *a = *state;
        assert_true(takes(a, EC(XY ",\"alg\":\"ES256\",\"use\":\"sig\",\"key_ops\":[\"verify\"]")));
        assert_true(takes(a, EC(XY ",\"x5c\":[\"not looked at\"],\"x5u\":\"file:///etc/passwd\"")));
        assert_false(takes(a, EC(XY ",\"alg\":\"ES384\"")));
        assert_false(takes(a, EC(XY ",\"alg\":\"RS256\"")));
        assert_false(takes(a, EC(XY ",\"alg\":\"none\"")));
        assert_false(takes(a, EC(XY ",\"alg\":1")));
        assert_false(takes(a, EC(XY ",\"use\":\"enc\"")));
        assert_false(takes(a, EC(XY ",\"key_ops\":[\"sign\"]")));
        assert_false(takes(a, "{\"kty\":\"EC\",\"crv\":\"P-384\"," XY "}"));
        assert_false(takes(a, "{\"kty\":\"EC\",\"crv\":\"secp256k1\"," XY "}"));
        assert_false(takes(a, "{\"kty\":\"EC\"," XY "}"));
        assert_false(takes(a, "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08\"}"));
        assert_true(takes(a, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"alg\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"));
}

static void malformed_numbers_are_refused(void **state) {
        Arena *a = *state;
        /* off the curve: last character of y changed; y missing, short, long, with a sign of padding */
        assert_false(takes(a, EC("\"x\":\"" RFC7515_A3_X "\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a4\"")));
        assert_false(takes(a, EC("\"x\":\"" RFC7515_A3_X "\"")));
        assert_false(takes(a, EC("\"x\":\"" RFC7515_A3_X "\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5Q\"")));
        assert_false(takes(a, EC("\"x\":\"AA" RFC7515_A3_X "\",\"y\":\"" RFC7515_A3_Y "\"")));
        assert_false(takes(a, EC("\"x\":\"" RFC7515_A3_X "=\",\"y\":\"" RFC7515_A3_Y "\"")));
        /* the field's prime itself as x */
        assert_false(takes(a, EC("\"x\":\"_____wAAAAEAAAAAAAAAAAAAAAD_______________8\",\"y\":\"" RFC7515_A3_Y "\"")));
        assert_false(takes(a, EC("\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"")));
        /* Ed25519: identity and zero are points of small order */
        assert_false(takes(a, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}"));
        assert_false(takes(a, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}"));
        assert_true(takes(a, RFC8037_KEY));
        assert_int_equal(ERR_peek_error(), 0);
}

/* A modulus of `bytes` bytes, first and last byte given. */
static bool takes_rsa(Arena *a, size_t bytes, uint8_t first, uint8_t last, const char *e) {
        uint8_t *n = arena_take(a, bytes);
        memset(n, 0x5a, bytes);
        n[0] = first;
        n[bytes - 1] = last;
        Text n64 = b64url_encode(a, (Text){(char *)n, bytes});
        return takes(a, text_print(a, "{\"kty\":\"RSA\",\"n\":\"%.*s\",\"e\":\"%s\"}", TEXT_ARG(n64), e).at);
}

static void rsa_keys_are_bounded(void **state) {
        Arena *a = *state;
        assert_true(takes_rsa(a, 256, 0x80, 0x5b, "AQAB"));
        assert_true(takes_rsa(a, 512, 0xff, 0x5b, "AQAB"));
        assert_false(takes_rsa(a, 256, 0x7f, 0x5b, "AQAB")); /* 2047 bits */
        assert_false(takes_rsa(a, 128, 0x80, 0x5b, "AQAB"));
        assert_false(takes_rsa(a, 513, 0x80, 0x5b, "AQAB"));
        assert_false(takes_rsa(a, 2048, 0x80, 0x5b, "AQAB"));
        assert_false(takes_rsa(a, 257, 0x00, 0x5b, "AQAB")); /* leading zero */
        assert_false(takes_rsa(a, 256, 0x80, 0x5a, "AQAB")); /* even */
        assert_false(takes_rsa(a, 256, 0x80, 0x5b, "Aw"));   /* e = 3 */
        assert_false(takes_rsa(a, 256, 0x80, 0x5b, "AQAA")); /* even e */
        assert_false(takes_rsa(a, 256, 0x80, 0x5b, "AAEAAQ"));
        assert_false(takes_rsa(a, 256, 0x80, 0x5b, "AQAAAAAB"));
}

static void kids_are_bounded(void **state) {
        Arena *a = *state;
        char kid[KID_MAX + 2];
        memset(kid, 'k', sizeof kid);
        kid[KID_MAX] = 0;
        assert_true(takes(a, text_print(a, EC(XY ",\"kid\":\"%s\""), kid).at));
        kid[KID_MAX] = 'k';
        kid[KID_MAX + 1] = 0;
        assert_false(takes(a, text_print(a, EC(XY ",\"kid\":\"%s\""), kid).at));
        assert_false(takes(a, EC(XY ",\"kid\":\"a\\nb\"")));
        assert_false(takes(a, EC(XY ",\"kid\":7")));
}

static Outcome read_set(Arena *a, const char *json, JwkSet **set) {
        *set = NULL;
        return jwks_read(a, text_of(json), set);
}

static void sets_leave_out_what_is_foreign(void **state) {
        Arena *a = *state;
        JwkSet *set;
        assert_good(read_set(a, "{\"keys\":[{\"kty\":\"PQ\",\"x\":1},{\"kty\":\"EC\",\"crv\":\"P-521\"},{\"kty\":\"RSA\",\"use\":\"enc\"}," EC(XY ",\"kid\":\"one\"") "," RFC8037_KEY "]}", &set));
        assert_int_equal(jwks_count(set), 2);
        assert_non_null(jwks_find(set, TEXT("one"), ALGORITHM_ES256));
        assert_non_null(jwks_find(set, TEXT_NONE, ALGORITHM_ES256));
        assert_null(jwks_find(set, TEXT("one"), ALGORITHM_EDDSA));
        assert_null(jwks_find(set, TEXT("on"), ALGORITHM_ES256));
        assert_null(jwks_find(set, TEXT("*"), ALGORITHM_ES256));
        JwkSet *again;
        assert_good(jwks_read(a, jwks_print(a, set), &again));
        assert_int_equal(jwks_count(again), 2);
        assert_memory_equal(jwk_digest(jwks_at(again, 0)), jwk_digest(jwks_at(set, 0)), HASH_SIZE);
        jwks_unref(again);
        jwks_unref(set);
}

static void sets_with_secrets_or_doubles_are_refused(void **state) {
        Arena *a = *state;
        JwkSet *set;
        assert_good(read_set(a, "{\"keys\":[" EC(XY ",\"kid\":\"a\"") "," RFC8037_KEY "]}", &set));
        jwks_unref(set);
        assert_refused(read_set(a, "{\"keys\":[" RFC8037_KEY "," EC(XY ",\"d\":\"" RFC7515_A3_D "\"") "]}", &set));
        assert_refused(read_set(a, "{\"keys\":[" RFC8037_KEY ",{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}]}", &set));
        assert_refused(read_set(a, "{\"keys\":[" EC(XY ",\"kid\":\"a\"") "," EC(XY ",\"kid\":\"a\"") "]}", &set));
        assert_refused(read_set(a, "{\"keys\":[]}", &set));
        assert_refused(read_set(a, "{\"keys\":{}}", &set));
        assert_refused(read_set(a, "[]", &set));
        assert_refused(read_set(a, "{\"keys\":[7]}", &set));
        assert_refused(read_set(a, "{\"keys\":[" RFC8037_KEY "],\"keys\":[]}", &set));
        Buf many = buf_new(a, 4096);
        buf_str(&many, "{\"keys\":[");
        for (int i = 0; i <= JWKS_KEYS; i++)
                buf_print(&many, "%s" EC(XY ",\"kid\":\"k%d\""), i ? "," : "", i);
        buf_str(&many, "]}");
        assert_refused(jwks_read(a, buf_done(&many), &set));
}

static void without_kid_nothing_is_guessed(void **state) {
        Arena *a = *state;
        Jwk *two[2];
        JwkSet *set;
        assert_good(jwk_generate(ALGORITHM_ES256, &two[0]));
        assert_good(jwk_generate(ALGORITHM_ES256, &two[1]));
        assert_good(jwks_make(two, 2, &set));
        assert_null(jwks_find(set, TEXT_NONE, ALGORITHM_ES256));
        assert_ptr_equal(jwks_find(set, jwk_kid(two[1]), ALGORITHM_ES256), two[1]);
        assert_true(jwks_print(a, set).len > 0);
        jwks_unref(jwks_ref(set));
        jwks_unref(set);
        jwk_unref(two[0]);
        jwk_unref(two[1]);
}

static void private_keys_survive_export(void **state) {
        Arena *a = *state;
        for (Algorithm alg = ALGORITHM_NONE + 1; alg < ALGORITHM_COUNT; alg++) {
                Jwk *key, *back = NULL, *public;
                Secret *der;
                assert_good(jwk_generate(alg, &key));
                assert_good(jwk_export(key, &der));
                Text bytes = secret_open(der);
                assert_good(jwk_import(alg, bytes, &back));
                assert_memory_equal(jwk_digest(key), jwk_digest(back), HASH_SIZE);
                /* F21: another algorithm, truncated, extended */
                Jwk *none;
                for (Algorithm other = ALGORITHM_NONE; other <= ALGORITHM_COUNT; other++)
                        if (other != alg)
                                assert_refused(jwk_import(other, bytes, &none));
                assert_refused(jwk_import(alg, text_sub(bytes, 0, bytes.len - 1), &none));
                assert_refused(jwk_import(alg, text_print(a, "%.*s", 3, "abc"), &none));
                secret_free(der);
                /* what is published is a public key, and the same one */
                assert_good(jwk_read_text(a, jwk_print(a, key), &public));
                assert_false(jwk_private(public));
                assert_memory_equal(jwk_digest(key), jwk_digest(public), HASH_SIZE);
                assert_fault(jwk_export(public, &der));
                jwk_unref(public);
                jwk_unref(key);
                jwk_unref(back);
        }
}

static bool signs_for_itself(const Jwk *key) {
        Arena *a = arena_new(1 << 20);
        Text token = TEXT_NONE;
        Jws jws;
        Jwk *public = NULL;
        assert_good(jws_sign(a, key, TEXT_NONE, TEXT_NONE, TEXT("{}"), &token));
        assert_good(jws_read(a, token, &jws));
        assert_good(jwk_read_text(a, jwk_print(a, key), &public));
        bool holds = outcome_ok(jws_verify(&jws, public));
        jwk_unref(public);
        arena_free(a);
        return holds;
}

/* F21: whichever byte of the stored key was torn, no pair that does not belong together loads. */
static void torn_private_keys_do_not_load(void **state) {
        Arena *a = *state;
        for (Algorithm alg = ALGORITHM_NONE + 1; alg < ALGORITHM_COUNT; alg++) {
                Jwk *key, *torn;
                Secret *der;
                assert_good(jwk_generate(alg, &key));
                assert_good(jwk_export(key, &der));
                Text bytes = text_copy(a, secret_open(der));
                secret_free(der);
                for (size_t at = 0; at < bytes.len; at += alg == ALGORITHM_RS256 ? 41 : 1) {
                        ((char *)bytes.at)[at] ^= 4;
                        if (outcome_ok(jwk_import(alg, bytes, &torn))) {
                                assert_true(signs_for_itself(torn)); /* a byte without meaning, or all of another key */
                                jwk_unref(torn);
                        }
                        ((char *)bytes.at)[at] ^= 4;
                }
                assert_good(jwk_import(alg, bytes, &torn));
                assert_int_equal(ERR_peek_error(), 0);
                jwk_unref(torn);
                jwk_unref(key);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                with_arena(thumbprints_are_the_published_ones),
                with_arena(secrets_are_refused_where_public_keys_belong),
                with_arena(wrong_curves_and_uses_are_refused),
                with_arena(malformed_numbers_are_refused),
                with_arena(rsa_keys_are_bounded),
                with_arena(kids_are_bounded),
                with_arena(sets_leave_out_what_is_foreign),
                with_arena(sets_with_secrets_or_doubles_are_refused),
                with_arena(without_kid_nothing_is_guessed),
                with_arena(private_keys_survive_export),
                with_arena(torn_private_keys_do_not_load),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
