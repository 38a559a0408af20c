/* The attack cases are those of SECURITY: B01 none, B02 HMAC confusion, B03 embedded keys, B05 kid, B09 spellings, B15 size.
 * Each has its positive twin: the same token without the one hostile change. */
#include "crypto/jws.h"
#include "crypto/b64url.h"
#include "crypto/testing.h"
#include "crypto/vectors.h"
#include <openssl/err.h>
#include <sodium.h>
#include <stdlib.h>

#define CLAIMS "{\"iss\":\"a\",\"aud\":\"b\"}"

static Text token_of(Arena *a, const char *header, Text payload, Text signature) {
        Text h = b64url_encode(a, text_of(header)), p = b64url_encode(a, payload), s = b64url_encode(a, signature);
        return text_print(a, "%.*s.%.*s.%.*s", TEXT_ARG(h), TEXT_ARG(p), TEXT_ARG(s));
}

static bool holds(Arena *a, Text token, const Jwk *key) {
        Jws jws;
        return outcome_ok(jws_read(a, token, &jws)) && outcome_ok(jws_verify(&jws, key));
}

static Jwk *key_of(Algorithm algorithm) {
        Jwk *key = NULL;
        assert_good(jwk_generate(algorithm, &key));
        return key;
}

static Text signed_by(Arena *a, const Jwk *key, const char *header) {
        Text token = TEXT_NONE;
        assert_good(jws_sign(a, key, text_of(header), TEXT("at+jwt"), TEXT(CLAIMS), &token));
        return token;
}

static void published_tokens_hold(void **state) {
        Arena *a = *state;
        static const struct {
                const char *key, *token;
        } vectors[] = {{RFC7515_A2_KEY, RFC7515_A2}, {RFC7515_A3_KEY, RFC7515_A3}, {RFC7520_41_KEY, RFC7520_41}, {RFC8037_KEY, RFC8037_A4}};
        for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
                Jwk *key;
                Jws jws;
                assert_good(jwk_read_text(a, text_of(vectors[i].key), &key));
                assert_good(jws_read(a, text_of(vectors[i].token), &jws));
                assert_good(jws_verify(&jws, key));
                /* every single bit of the signed text matters */
                for (size_t at = 0; at < jws.input.len; at += 7) {
                        Text copy = text_copy(a, jws.input);
                        ((char *)copy.at)[at] ^= 1;
                        Jws changed = jws;
                        changed.input = copy;
                        assert_refused(jws_verify(&changed, key));
                }
                jwk_unref(key);
        }
}

static void ed25519_signs_as_published(void **state) {
        Arena *a = *state;
        const uint8_t prefix[16] = {0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20};
        uint8_t der[48];
        Jwk *key;
        Text token;
        memcpy(der, prefix, sizeof prefix);
        assert_true(b64url_parse(TEXT(RFC8037_D), der + sizeof prefix));
        assert_good(jwk_import(ALGORITHM_EDDSA, (Text){(char *)der, sizeof der}, &key));
        assert_text(jwk_thumbprint(key), RFC8037_THUMBPRINT);
        assert_good(jws_sign(a, key, TEXT("{\"alg\":\"EdDSA\"}"), TEXT_NONE, TEXT(RFC8037_PAYLOAD), &token));
        assert_text(token, RFC8037_A4);
        jwk_unref(key);
}

static void what_is_signed_verifies(void **state) {
        for (Algorithm alg = ALGORITHM_NONE + 1; alg < ALGORITHM_COUNT; alg++) {
                Jwk *key = key_of(alg), *other = key_of(alg);
                /* ES256 often enough that r and s begin with zero bytes */
                for (int i = 0; i < (alg == ALGORITHM_ES256 ? 600 : 3); i++) {
                        Arena *a = arena_new(1 << 20);
                        Jws jws;
                        Text token = signed_by(a, key, "");
                        assert_good(jws_read(a, token, &jws));
                        assert_good(jws_verify(&jws, key));
                        assert_refused(jws_verify(&jws, other));
                        assert_true(text_equal(jws.kid, jwk_kid(key)));
                        assert_text(jws.payload, CLAIMS);
                        assert_true(jws_typ_is(jws.typ, TEXT("at+jwt")));
                        arena_free(a);
                }
                jwk_unref(key);
                jwk_unref(other);
        }
        (void)state;
}

static void public_keys_do_not_sign(void **state) {
        Arena *a = *state;
        Jwk *key;
        Text token;
        assert_good(jwk_read_text(a, TEXT(RFC7515_A3_KEY), &key));
        assert_fault(jws_sign(a, key, TEXT_NONE, TEXT_NONE, TEXT(CLAIMS), &token));
        jwk_unref(key);
        key = key_of(ALGORITHM_ES256);
        assert_fault(jws_sign(a, key, TEXT("{\"alg\":\"RS256\"}"), TEXT_NONE, TEXT(CLAIMS), &token));
        assert_fault(jws_sign(a, key, TEXT("{\"alg\":\"none\"}"), TEXT_NONE, TEXT(CLAIMS), &token));
        assert_good(jws_sign(a, key, TEXT("{\"alg\":\"ES256\"}"), TEXT_NONE, TEXT(CLAIMS), &token));
        jwk_unref(key);
}

static void b01_none_is_no_algorithm(void **state) {
        Arena *a = *state;
        Jwk *key = key_of(ALGORITHM_ES256);
        const char *algs[] = {"\"none\"", "\"None\"", "\"nOnE\"", "\"NONE\"", "\"\"", "null", "[\"ES256\"]", "\"es256\"", "\"ES256 \"", "\"ES256K\"", "\"PS256\"", "\"ES384\"", "0"};
        Jws good, jws;
        assert_good(jws_read(a, signed_by(a, key, "{\"alg\":\"ES256\"}"), &good));
        assert_good(jws_verify(&good, key));
        for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
                Text header = text_print(a, "{\"alg\":%s}", algs[i]);
                assert_refused(jws_read(a, token_of(a, header.at, TEXT(CLAIMS), good.signature), &jws));
                assert_refused(jws_read(a, token_of(a, header.at, TEXT(CLAIMS), TEXT_NONE), &jws));
        }
        assert_refused(jws_read(a, token_of(a, "{\"typ\":\"JWT\"}", TEXT(CLAIMS), good.signature), &jws));
        assert_refused(jws_read(a, token_of(a, "{\"alg\":\"none\",\"alg\":\"ES256\"}", TEXT(CLAIMS), good.signature), &jws));
        jwk_unref(key);
}

static Text hmac_token(Arena *a, const char *header, Text secret) {
        Text h = b64url_encode(a, text_of(header)), p = b64url_encode(a, TEXT(CLAIMS));
        Text input = text_print(a, "%.*s.%.*s", TEXT_ARG(h), TEXT_ARG(p));
        uint8_t mac[32];
        crypto_auth_hmacsha256_state hmac;
        crypto_auth_hmacsha256_init(&hmac, (const uint8_t *)secret.at, secret.len);
        crypto_auth_hmacsha256_update(&hmac, (const uint8_t *)input.at, input.len);
        crypto_auth_hmacsha256_final(&hmac, mac);
        return token_of(a, header, TEXT(CLAIMS), (Text){(char *)mac, sizeof mac});
}

static void b02_public_keys_are_no_hmac_secrets(void **state) {
        Arena *a = *state;
        Jwk *keys[] = {key_of(ALGORITHM_ES256), key_of(ALGORITHM_RS256), key_of(ALGORITHM_EDDSA)};
        const char *headers[] = {"{\"alg\":\"HS256\"}", "{\"alg\":\"ES256\"}", "{\"alg\":\"RS256\"}", "{\"alg\":\"EdDSA\"}"};
        for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
                Text jwk = jwk_print(a, keys[k]);
                const Text secrets[] = {jwk, text_print(a, "%.*s\n", TEXT_ARG(jwk)), jwk_thumbprint(keys[k]), {(const char *)jwk_digest(keys[k]), HASH_SIZE}};
                assert_true(holds(a, signed_by(a, keys[k], ""), keys[k]));
                for (size_t s = 0; s < ARRAY_LEN(secrets); s++)
                        for (size_t h = 0; h < ARRAY_LEN(headers); h++)
                                assert_false(holds(a, hmac_token(a, headers[h], secrets[s]), keys[k]));
        }
        /* alg confusion among the three: the header's name changed, or the key's type */
        for (size_t k = 0; k < ARRAY_LEN(keys); k++)
                for (size_t v = 0; v < ARRAY_LEN(keys); v++)
                        assert_int_equal(holds(a, signed_by(a, keys[k], ""), keys[v]), k == v);
        for (size_t k = 0; k < ARRAY_LEN(keys); k++)
                jwk_unref(keys[k]);
}

static void b03_embedded_keys_are_not_looked_at(void **state) {
        Arena *a = *state;
        Jwk *ours = key_of(ALGORITHM_ES256), *theirs = key_of(ALGORITHM_ES256);
        JwkSet *set;
        Jws jws;
        assert_good(jwks_make(&ours, 1, &set));
        Text jwk = jwk_print(a, theirs), kid = jwk_kid(ours);
        const char *extras[] = {
                text_print(a, "\"jwk\":%.*s", TEXT_ARG(jwk)).at, "\"jku\":\"https://attacker.example/jwks\"", "\"x5u\":\"https://attacker.example/x\"", "\"x5c\":[\"AAAA\"]", "\"x5t#S256\":\"AAAA\"",
        };
        for (size_t i = 0; i < ARRAY_LEN(extras); i++) {
                Text header = text_print(a, "{\"alg\":\"ES256\",\"kid\":\"%.*s\",%s}", TEXT_ARG(kid), extras[i]);
                assert_good(jws_read(a, signed_by(a, theirs, header.at), &jws));
                assert_refused(jws_verify_by(&jws, set, NULL));
                assert_good(jws_read(a, signed_by(a, ours, header.at), &jws)); /* twin: our own signature */
                assert_good(jws_verify_by(&jws, set, NULL));
        }
        const char *refused[] = {"\"crit\":[\"exp\"]", "\"crit\":[]", "\"b64\":false", "\"zip\":\"DEF\""};
        for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
                Text header = text_print(a, "{\"alg\":\"ES256\",%s}", refused[i]);
                assert_refused(jws_read(a, signed_by(a, ours, header.at), &jws));
        }
        jwks_unref(set);
        jwk_unref(ours);
        jwk_unref(theirs);
}

static void b05_kid_only_chooses_among_given_keys(void **state) {
        Arena *a = *state;
        Jwk *key = key_of(ALGORITHM_ES256), *which = NULL;
        JwkSet *set;
        Jws jws;
        assert_good(jwks_make(&key, 1, &set));
        assert_good(jws_read(a, signed_by(a, key, ""), &jws));
        assert_good(jws_verify_by(&jws, set, &which));
        assert_ptr_equal(which, key);
        const char *kids[] = {"../../dev/null", "' OR 1=1 --", "*", "%", "http://127.0.0.1/", "A", "{}", "/proc/self/environ"};
        for (size_t i = 0; i < ARRAY_LEN(kids); i++) {
                assert_good(jws_read(a, signed_by(a, key, text_print(a, "{\"alg\":\"ES256\",\"kid\":\"%s\"}", kids[i]).at), &jws));
                assert_refused(jws_verify_by(&jws, set, NULL));
        }
        const char *bad[] = {"\"\"", "7", "null", "\"a\\u0000b\"", "\"a\\nb\"", "\"\\u00e9\"", "[\"a\"]"};
        Jws good = jws;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_refused(jws_read(a, token_of(a, text_print(a, "{\"alg\":\"ES256\",\"kid\":%s}", bad[i]).at, TEXT(CLAIMS), good.signature), &jws));
        char *longest = arena_take(a, 65537);
        memset(longest, 'k', 65536);
        for (size_t len = KID_MAX; len <= 65536; len += 65536 - KID_MAX) {
                Text header = text_print(a, "{\"alg\":\"ES256\",\"kid\":\"%.*s\"}", (int)len, longest);
                Outcome o = jws_read(a, token_of(a, header.at, TEXT(CLAIMS), good.signature), &jws);
                assert_int_equal(o.end, len == KID_MAX ? OUTCOME_OK : OUTCOME_REFUSED);
        }
        jwks_unref(set);
        jwk_unref(key);
}

static void b09_one_spelling_of_a_token(void **state) {
        Arena *a = *state;
        Jwk *key = key_of(ALGORITHM_ES256);
        Jws jws;
        Text token = signed_by(a, key, "");
        assert_true(holds(a, token, key));
        for (size_t at = 0; at <= token.len; at++) {
                const char *inserts[] = {"=", " ", "\n", "\t", "+", "/", ".", "\r\n", "%3D"};
                for (size_t i = 0; i < ARRAY_LEN(inserts); i++) {
                        Text changed = text_print(a, "%.*s%s%.*s", (int)at, token.at, inserts[i], (int)(token.len - at), token.at + at);
                        assert_false(holds(a, changed, key));
                }
                if (at % 40 == 0)
                        assert_true(holds(a, text_copy(a, token), key));
        }
        /* the last character of a 64-byte signature carries four unused bits: 15 other spellings */
        size_t held = 0;
        for (int c = 1; c < 256; c++) {
                char *copy = (char *)text_copy(a, token).at;
                copy[token.len - 1] = (char)c;
                held += holds(a, (Text){copy, token.len}, key);
        }
        assert_int_equal(held, 1);
        assert_refused(jws_read(a, TEXT("{\"payload\":\"e30\",\"signatures\":[{\"protected\":\"e30\",\"signature\":\"AA\"},{\"protected\":\"e30\",\"signature\":\"AA\"}]}"), &jws));
        assert_refused(jws_read(a, TEXT("{\"payload\":\"e30\",\"protected\":\"eyJhbGciOiJFUzI1NiJ9\",\"signature\":\"AA\"}"), &jws));
        jwk_unref(key);
}

static void es256_signatures_are_64_bytes(void **state) {
        Arena *a = *state;
        Jwk *key;
        uint8_t zero[64] = {0}, der[72];
        const char *header = "{\"alg\":\"ES256\"}";
        assert_good(jwk_read_text(a, TEXT(RFC7515_A3_KEY), &key));
        assert_false(holds(a, token_of(a, header, TEXT(CLAIMS), (Text){(char *)zero, 64}), key)); /* r = s = 0 */
        uint8_t raw[64];
        assert_true(b64url_parse(TEXT(RFC7515_A3_SIGNATURE), raw));
        memcpy(der, (uint8_t[]){0x30, 0x45, 2, 0x20}, 4); /* the same signature, as DER */
        memcpy(der + 4, raw, 32);
        memcpy(der + 36, (uint8_t[]){2, 0x21, 0}, 3);
        memcpy(der + 39, raw + 32, 32);
        Jws jws;
        assert_good(jws_read(a, TEXT(RFC7515_A3), &jws));
        assert_good(jws_verify(&jws, key));
        jws.signature = (Text){(char *)der, 71};
        assert_refused(jws_verify(&jws, key));
        assert_int_equal(ERR_peek_error(), 0); /* nothing is left for TLS to stumble over */
        jws.signature = (Text){(char *)raw, 63};
        assert_refused(jws_verify(&jws, key));
        jwk_unref(key);
}

static void b15_size_costs_nothing(void **state) {
        Arena *a = *state;
        Jws jws;
        size_t size = 8 << 20;
        char *big = malloc(size);
        assert_non_null(big);
        memset(big, '.', size);
        size_t before = arena_used(a);
        assert_refused(jws_read(a, (Text){big, size}, &jws));
        assert_refused(jws_read(a, (Text){big, JWS_TOKEN_MAX}, &jws));
        memset(big, 'A', size);
        assert_refused(jws_read(a, (Text){big, size}, &jws));
        assert_refused(jws_read(a, (Text){big, JWS_TOKEN_MAX}, &jws));
        big[JWS_HEADER_MAX + 1] = '.';
        big[JWS_HEADER_MAX + 3] = '.';
        assert_refused(jws_read(a, (Text){big, JWS_TOKEN_MAX}, &jws));
        assert_int_equal(arena_used(a), before);
        free(big);
        const char *parts[] = {"", ".", "..", "...", "eyJhbGciOiJFUzI1NiJ9", "eyJhbGciOiJFUzI1NiJ9.", "eyJhbGciOiJFUzI1NiJ9..AAAA", "eyJhbGciOiJFUzI1NiJ9.e30", "eyJhbGciOiJFUzI1NiJ9.e30.", ".e30.AAAA", "eyJhbGciOiJFUzI1NiJ9.e30.AAAA.AAAA", "eyJhbGciOiJFUzI1NiJ9.e30.AAAA."};
        for (size_t i = 0; i < ARRAY_LEN(parts); i++)
                assert_refused(jws_read(a, text_of(parts[i]), &jws));
        assert_good(jws_read(a, TEXT("eyJhbGciOiJFUzI1NiJ9.e30.AAAA"), &jws));
}

static void b11_typ_is_compared_whole(void **state) {
        (void)state;
        assert_true(jws_typ_is(TEXT("at+jwt"), TEXT("at+jwt")));
        assert_true(jws_typ_is(TEXT("application/at+jwt"), TEXT("at+jwt")));
        assert_true(jws_typ_is(TEXT("AT+JWT"), TEXT("at+jwt")));
        const char *others[] = {"", "JWT", "at+jwtx", "xat+jwt", "at+jw", "application/", "application/application/at+jwt", "logout+jwt", "dpop+jwt", "client-authentication+jwt", "at+jwt;x=1"};
        for (size_t i = 0; i < ARRAY_LEN(others); i++)
                assert_false(jws_typ_is(text_of(others[i]), TEXT("at+jwt")));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                with_arena(published_tokens_hold),
                with_arena(ed25519_signs_as_published),
                with_arena(what_is_signed_verifies),
                with_arena(public_keys_do_not_sign),
                with_arena(b01_none_is_no_algorithm),
                with_arena(b02_public_keys_are_no_hmac_secrets),
                with_arena(b03_embedded_keys_are_not_looked_at),
                with_arena(b05_kid_only_chooses_among_given_keys),
                with_arena(b09_one_spelling_of_a_token),
                with_arena(es256_signatures_are_64_bytes),
                with_arena(b15_size_costs_nothing),
                with_arena(b11_typ_is_compared_whole),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
