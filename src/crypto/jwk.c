#include "crypto/jwk-inner.h"
#include "crypto/scratch.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>

#define MEMBERS_MAX 1024 /* RSA 4096: n is 683 characters */

typedef struct Members {
        char at[MEMBERS_MAX];
        size_t len;
} Members;

static void members_put(Members *m, const char *text) {
        size_t len = strlen(text);
        if (m->len + len >= sizeof m->at)
                abort(); /* sizes were checked before */
        memcpy(m->at + m->len, text, len + 1);
        m->len += len;
}

static void members_put_bytes(Members *m, const uint8_t *bytes, size_t n) {
        char encoded[B64URL_SIZE(512) + 1];
        b64url_write(encoded, bytes, n);
        encoded[B64URL_SIZE(n)] = 0;
        members_put(m, encoded);
}

/* `width` 0: as many bytes as the number has. */
static bool members_put_number(Members *m, EVP_PKEY *pkey, const char *param, int width) {
        BIGNUM *bn = NULL;
        uint8_t bytes[512];
        bool ok = EVP_PKEY_get_bn_param(pkey, param, &bn) && BN_num_bytes(bn) <= (int)sizeof bytes;
        if (ok) {
                int n = width ? width : BN_num_bytes(bn);
                ok = BN_bn2binpad(bn, bytes, n) == n;
                if (ok)
                        members_put_bytes(m, bytes, (size_t)n);
        }
        BN_free(bn);
        return ok;
}

/* RFC 7638 3.2: only the required members, in lexicographic order, without white space. */
static bool members_of(Algorithm algorithm, EVP_PKEY *pkey, Members *m) {
        uint8_t raw[32];
        size_t len = sizeof raw;
        bool ok = true;
        m->len = 0;
        if (algorithm == ALGORITHM_ES256) {
                members_put(m, "\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"");
                ok = members_put_number(m, pkey, OSSL_PKEY_PARAM_EC_PUB_X, 32);
                members_put(m, "\",\"y\":\"");
                ok = ok && members_put_number(m, pkey, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
        } else if (algorithm == ALGORITHM_RS256) {
                members_put(m, "\"e\":\"");
                ok = members_put_number(m, pkey, OSSL_PKEY_PARAM_RSA_E, 0);
                members_put(m, "\",\"kty\":\"RSA\",\"n\":\"");
                ok = ok && members_put_number(m, pkey, OSSL_PKEY_PARAM_RSA_N, 0);
        } else {
                members_put(m, "\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"");
                ok = EVP_PKEY_get_raw_public_key(pkey, raw, &len) && len == sizeof raw;
                members_put_bytes(m, raw, sizeof raw);
        }
        members_put(m, "\"");
        return ok;
}

static bool name_key(Jwk *key, const Members *m, Text kid) {
        const Text parts[] = {TEXT("{"), {m->at, m->len}, TEXT("}")};
        hash_sha256_parts(parts, 3, key->digest);
        b64url_write(key->thumbprint, key->digest, HASH_SIZE);
        if (text_empty(kid))
                kid = text_of(key->thumbprint);
        key->members = strdup(m->at);
        key->kid = strndup(kid.at, kid.len);
        key->kid_len = kid.len;
        return key->members && key->kid;
}

static EVP_PKEY_CTX *prepare(const Jwk *key, int (*init)(EVP_PKEY_CTX *)) {
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
        bool ok = ctx && init(ctx) > 0;
        if (ok && key->algorithm == ALGORITHM_RS256)
                ok = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0;
        if (ok)
                ok = EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) > 0;
        if (ok)
                return ctx;
        EVP_PKEY_CTX_free(ctx);
        return NULL;
}

static bool prepare_uses(Jwk *key) {
        if (key->algorithm == ALGORITHM_EDDSA)
                return true; /* signs whole messages: nothing to prepare */
        key->verifier = prepare(key, EVP_PKEY_verify_init);
        if (key->secret)
                key->signer = prepare(key, EVP_PKEY_sign_init);
        return key->verifier && (key->signer || !key->secret);
}

Outcome jwk_make(Algorithm algorithm, EVP_PKEY *pkey, bool secret, Text kid, Jwk **out) {
        Members m;
        Jwk *key = calloc(1, sizeof *key);
        if (!key) {
                EVP_PKEY_free(pkey);
                return outcome_fault("memory");
        }
        key->refs = 1;
        key->algorithm = algorithm;
        key->secret = secret;
        key->pkey = pkey;
        if (!scratch_settle(members_of(algorithm, pkey, &m) && name_key(key, &m, kid) && prepare_uses(key))) {
                jwk_unref(key);
                return outcome_fault("OpenSSL does not give the key back");
        }
        *out = key;
        return outcome_good();
}

Jwk *jwk_ref(Jwk *key) {
        atomic_fetch_add_explicit(&key->refs, 1, memory_order_relaxed);
        return key;
}

void jwk_unref(Jwk *key) {
        if (!key || atomic_fetch_sub_explicit(&key->refs, 1, memory_order_acq_rel) != 1)
                return;
        EVP_PKEY_CTX_free(key->verifier);
        EVP_PKEY_CTX_free(key->signer);
        EVP_PKEY_free(key->pkey);
        free(key->members);
        free(key->kid);
        free(key);
}

Algorithm jwk_algorithm(const Jwk *key) { return key->algorithm; }
Text jwk_kid(const Jwk *key) { return (Text){key->kid, key->kid_len}; }
Text jwk_thumbprint(const Jwk *key) { return (Text){key->thumbprint, sizeof key->thumbprint - 1}; }
const uint8_t *jwk_digest(const Jwk *key) { return key->digest; }
bool jwk_private(const Jwk *key) { return key->secret; }

Text jwk_print(Arena *arena, const Jwk *key) {
        Buf buf = buf_new(arena, strlen(key->members) + key->kid_len + 64);
        buf_char(&buf, '{');
        buf_str(&buf, key->members);
        JsonOut out = json_out(&buf);
        out.comma = true;
        json_put_text(&out, "kid", jwk_kid(key));
        json_put_str(&out, "alg", algorithm_name(key->algorithm));
        json_put_str(&out, "use", "sig");
        json_close(&out, '}');
        return buf_done(&buf);
}
