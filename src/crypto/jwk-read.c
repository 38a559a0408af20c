#include "crypto/jwk-inner.h"
#include "crypto/scratch.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <sodium.h>

#define RSA_BYTES_MIN 256
#define RSA_BYTES_MAX 512

/* Private and symmetric members of RFC 7518 6. `k` also catches HS keys whose kty was altered. */
static bool gives_secret_away(const Json *object) {
        static const char *const members[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"};
        for (size_t i = 0; i < ARRAY_LEN(members); i++)
                if (json_has(object, members[i]))
                        return true;
        return text_is(json_text(object, "kty"), "oct");
}

static bool text_member_ok(const Json *object, const char *name) {
        const Json *value = json_object_get(object, name);
        return !value || json_is_string(value);
}

/* RFC 7517 4.3: with key_ops, "verify" must be among them. */
static bool ops_allow(const Json *object) {
        const Json *ops = json_object_get(object, "key_ops");
        if (!ops)
                return true;
        for (size_t i = 0; i < json_array_size(ops); i++) {
                const char *op = json_string_value(json_array_get(ops, i));
                if (op && strcmp(op, "verify") == 0)
                        return true;
        }
        return false;
}

static Algorithm algorithm_of(const Json *object) {
        Text kty = json_text(object, "kty"), crv = json_text(object, "crv");
        Algorithm found = ALGORITHM_NONE;
        for (Algorithm a = ALGORITHM_NONE + 1; a < ALGORITHM_COUNT; a++)
                if (text_is(kty, algorithm_kty(a)) && (!*algorithm_crv(a) || text_is(crv, algorithm_crv(a))))
                        found = a;
        Text alg = json_text(object, "alg");
        return text_empty(alg) || algorithm_named(alg) == found ? found : ALGORITHM_NONE;
}

/* Decodes a member that must have exactly `size` bytes. */
static bool member_bytes(const Json *object, const char *name, uint8_t *out, size_t size) {
        Text encoded = json_text(object, name);
        return encoded.len == B64URL_SIZE(size) && b64url_parse(encoded, out);
}

static EVP_PKEY *pkey_from(const char *type, OSSL_PARAM *params) {
        EVP_PKEY *pkey = NULL;
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
        if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 || EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) <= 0)
                pkey = NULL;
        EVP_PKEY_CTX_free(ctx);
        return pkey;
}

/* OpenSSL refuses points off the curve and coordinates ≥ p here; P-256 has cofactor 1, so on the curve is enough. */
static EVP_PKEY *read_ec(const Json *object) {
        uint8_t point[65] = {4};
        if (!member_bytes(object, "x", point + 1, 32) || !member_bytes(object, "y", point + 33, 32))
                return NULL;
        OSSL_PARAM params[] = {
                OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char[]){"prime256v1"}, 0),
                OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
                OSSL_PARAM_construct_end(),
        };
        return pkey_from("EC", params);
}

/* A small-order point would verify anything; OpenSSL does not look, libsodium does. */
static EVP_PKEY *read_okp(const Json *object) {
        uint8_t x[32];
        if (!member_bytes(object, "x", x, sizeof x) || crypto_core_ed25519_is_valid_point(x) != 1)
                return NULL;
        return EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, x, sizeof x);
}

static EVP_PKEY *rsa_from(const uint8_t *n, size_t n_len, const uint8_t *e, size_t e_len) {
        EVP_PKEY *pkey = NULL;
        BIGNUM *bn = BN_bin2bn(n, (int)n_len, NULL), *be = BN_bin2bn(e, (int)e_len, NULL);
        OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
        OSSL_PARAM *params = NULL;
        if (bn && be && bld && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn) &&
            OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, be))
                params = OSSL_PARAM_BLD_to_param(bld);
        if (params)
                pkey = pkey_from("RSA", params);
        OSSL_PARAM_free(params);
        OSSL_PARAM_BLD_free(bld);
        BN_free(bn);
        BN_free(be);
        return pkey;
}

/* Sizes were checked. No leading zeros (RFC 7518 6.3.1.1), n and e odd, e from 65537 to 32 bits. */
static EVP_PKEY *read_rsa(const Json *object) {
        uint8_t n[RSA_BYTES_MAX], e[8];
        Text n64 = json_text(object, "n"), e64 = json_text(object, "e");
        size_t n_len = B64URL_BYTES(n64.len), e_len = B64URL_BYTES(e64.len);
        if (e_len < 3 || e_len > 4 || !b64url_parse(n64, n) || !b64url_parse(e64, e))
                return NULL;
        uint32_t exponent = 0;
        for (size_t i = 0; i < e_len; i++)
                exponent = exponent << 8 | e[i];
        if (n[0] == 0 || e[0] == 0 || !(n[n_len - 1] & 1) || !(exponent & 1) || exponent < 65537)
                return NULL;
        return rsa_from(n, n_len, e, e_len);
}

static bool rsa_size_ok(const Json *object) {
        Text n64 = json_text(object, "n");
        size_t bytes = B64URL_BYTES(n64.len);
        uint8_t first[3];
        if (bytes < RSA_BYTES_MIN || bytes > RSA_BYTES_MAX)
                return false;
        /* 256 bytes with a small first byte are fewer than 2048 bits */
        return bytes > RSA_BYTES_MIN || (b64url_parse((Text){n64.at, 4}, first) && first[0] & 0x80);
}

static EVP_PKEY *read_pkey(Algorithm algorithm, const Json *object) {
        switch (algorithm) {
        case ALGORITHM_ES256:
                return read_ec(object);
        case ALGORITHM_RS256:
                return read_rsa(object);
        case ALGORITHM_EDDSA:
                return read_okp(object);
        default:
                return NULL;
        }
}

static const char *why_foreign(const Json *object, Algorithm algorithm) {
        Text use = json_text(object, "use");
        if (use.len && !text_is(use, "sig"))
                return "the key is not for signatures";
        if (!ops_allow(object))
                return "the key is not for verifying";
        if (algorithm == ALGORITHM_NONE)
                return "a type, curve or algorithm of key that is not taken: ES256, RS256 and EdDSA are";
        if (algorithm == ALGORITHM_RS256 && !rsa_size_ok(object))
                return "RSA keys have 2048 to 4096 bits";
        return NULL;
}

Outcome jwk_read_member(const Json *object, Jwk **out, bool *foreign) {
        static const char *const texts[] = {"kty", "kid", "alg", "use", "crv"};
        ENSURE(json_is_object(object), outcome_malformed("a key is a JSON object"));
        ENSURE(!gives_secret_away(object), outcome_malformed("a private or symmetric key where a public key belongs"));
        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
                ENSURE(text_member_ok(object, texts[i]), outcome_malformed("a member of the key is not a string"));
        Text kid = json_text(object, "kid");
        ENSURE(kid.len <= KID_MAX && text_printable(kid), outcome_malformed("kid is too long or not printable"));
        Algorithm algorithm = algorithm_of(object);
        const char *why = why_foreign(object, algorithm);
        *foreign = why != NULL;
        ENSURE(!why, outcome_malformed(why));
        EVP_PKEY *pkey = read_pkey(algorithm, object);
        ENSURE(scratch_settle(pkey), outcome_malformed("the key's numbers are malformed, off the curve or weak"));
        return jwk_make(algorithm, pkey, false, kid, out);
}

Outcome jwk_read(const Json *object, Jwk **out) {
        bool foreign;
        return jwk_read_member(object, out, &foreign);
}

Outcome jwk_read_text(Arena *arena, Text json, Jwk **out) {
        Json *object;
        ENSURE(json.len <= JWK_MAX, outcome_malformed("the key is too long"));
        TRY(json_read_object(arena, json, &object));
        return jwk_read(object, out);
}
