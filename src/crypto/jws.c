#include "crypto/jws.h"
#include "crypto/jwk-inner.h"
#include "crypto/scratch.h"

#define ES256_SIZE 64
#define TYP_MAX 64

/* One pass over at most JWS_TOKEN_MAX bytes, no allocation (B15). */
static Outcome split(Text token, Text part[3]) {
        ENSURE(token.len <= JWS_TOKEN_MAX, outcome_malformed("the token is too long"));
        size_t first = text_find(token, '.');
        ENSURE(first < token.len, outcome_malformed("a token has three parts"));
        ENSURE(first <= JWS_HEADER_MAX, outcome_malformed("the token's header is too long"));
        Text rest = text_sub(token, first + 1, token.len);
        size_t second = text_find(rest, '.');
        ENSURE(second < rest.len, outcome_malformed("a token has three parts"));
        part[0] = text_sub(token, 0, first);
        part[1] = text_sub(rest, 0, second);
        part[2] = text_sub(rest, second + 1, rest.len);
        ENSURE(text_find(part[2], '.') == part[2].len, outcome_malformed("a token has three parts"));
        ENSURE(part[0].len && part[1].len && part[2].len, outcome_malformed("a part of the token is empty"));
        return outcome_good();
}

static Outcome optional_text(const Json *head, const char *name, size_t max, Text *out) {
        const Json *value = json_object_get(head, name);
        if (!value)
                return outcome_good();
        *out = json_text(head, name);
        ENSURE(json_is_string(value) && out->len && out->len <= max && text_printable(*out),
               outcome_malformed("kid or typ in the token's header is malformed"));
        return outcome_good();
}

static Outcome read_header(Arena *arena, Jws *jws) {
        Json *head;
        TRY(json_read_object(arena, jws->header, &head));
        jws->head = head;
        /* RFC 7515 4.1.11: an extension that is not understood and must be refuses the token. We understand none. */
        ENSURE(!json_has(head, "crit") && !json_has(head, "b64") && !json_has(head, "zip"),
               outcome_malformed("the token's header asks for an extension"));
        jws->alg = json_text(head, "alg");
        jws->algorithm = algorithm_named(jws->alg);
        ENSURE(jws->algorithm != ALGORITHM_NONE, outcome_malformed("alg is not one of ES256, RS256, EdDSA"));
        TRY(optional_text(head, "kid", KID_MAX, &jws->kid));
        return optional_text(head, "typ", TYP_MAX, &jws->typ);
}

Outcome jws_read(Arena *arena, Text token, Jws *out) {
        Text part[3];
        Jws jws = {.token = token};
        TRY(split(token, part));
        jws.input = text_sub(token, 0, part[0].len + 1 + part[1].len);
        TRY(b64url_decode(arena, part[0], &jws.header));
        TRY(b64url_decode(arena, part[1], &jws.payload));
        TRY(b64url_decode(arena, part[2], &jws.signature));
        TRY(read_header(arena, &jws));
        *out = jws;
        return outcome_good();
}

/* DER INTEGER of 32 big-endian bytes: no leading zeros but one before a high bit. */
static size_t der_int(uint8_t *out, const uint8_t *n) {
        size_t skip = 0;
        while (skip < 31 && n[skip] == 0)
                skip++;
        size_t pad = n[skip] >> 7, len = 32 - skip;
        out[0] = 2;
        out[1] = (uint8_t)(len + pad);
        out[2] = 0;
        memcpy(out + 2 + pad, n + skip, len);
        return 2 + pad + len;
}

static size_t der_of_raw(uint8_t out[72], const uint8_t raw[ES256_SIZE]) {
        size_t len = 2;
        len += der_int(out + len, raw);
        len += der_int(out + len, raw + 32);
        out[0] = 0x30;
        out[1] = (uint8_t)(len - 2);
        return len;
}

/* OpenSSL's own DER, so lengths are short form; still nothing is read past `len`. */
static bool raw_of_der(uint8_t raw[ES256_SIZE], const uint8_t *der, size_t len) {
        size_t at = 2;
        memset(raw, 0, ES256_SIZE);
        for (int half = 0; half < 2; half++) {
                if (at + 2 > len || der[at] != 2)
                        return false;
                size_t n = der[at + 1];
                const uint8_t *from = der + at + 2;
                at += 2 + n;
                if (n == 0 || at > len)
                        return false;
                if (n == 33 && *from == 0)
                        from++, n--;
                if (n > 32)
                        return false;
                memcpy(raw + 32 * half + 32 - n, from, n);
        }
        return at == len;
}

static bool verify_digest(const Jws *jws, const Jwk *key) {
        uint8_t digest[HASH_SIZE], der[72];
        const uint8_t *sig = (const uint8_t *)jws->signature.at;
        size_t len = jws->signature.len;
        if (key->algorithm == ALGORITHM_ES256) {
                if (len != ES256_SIZE)
                        return false;
                len = der_of_raw(der, sig);
                sig = der;
        }
        hash_sha256(jws->input, digest);
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_dup(key->verifier);
        bool ok = ctx && EVP_PKEY_verify(ctx, sig, len, digest, sizeof digest) == 1;
        EVP_PKEY_CTX_free(ctx);
        return ok;
}

static bool verify_whole(const Jws *jws, const Jwk *key) {
        EVP_MD_CTX *ctx = scratch()->whole;
        bool ok = EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, key->pkey, NULL) == 1 &&
                  EVP_DigestVerify(ctx, (const uint8_t *)jws->signature.at, jws->signature.len,
                                   (const uint8_t *)jws->input.at, jws->input.len) == 1;
        EVP_MD_CTX_reset(ctx);
        return ok;
}

Outcome jws_verify(const Jws *jws, const Jwk *key) {
        ENSURE(jws->algorithm != ALGORITHM_NONE && jws->algorithm == key->algorithm,
               outcome_malformed("alg does not fit the key"));
        bool ok = key->algorithm == ALGORITHM_EDDSA ? verify_whole(jws, key) : verify_digest(jws, key);
        ENSURE(scratch_settle(ok), outcome_malformed("the signature does not hold"));
        return outcome_good();
}

Outcome jws_verify_by(const Jws *jws, const JwkSet *set, Jwk **which) {
        Jwk *key = jwks_find(set, jws->kid, jws->algorithm);
        ENSURE(key, outcome_malformed("no key of this kid and alg"));
        TRY(jws_verify(jws, key));
        if (which)
                *which = key;
        return outcome_good();
}

bool jws_typ_is(Text typ, Text wanted) {
        const Text prefix = TEXT("application/");
        if (typ.len > prefix.len && text_equal_nocase(text_sub(typ, 0, prefix.len), prefix))
                typ = text_sub(typ, prefix.len, typ.len);
        return typ.len && text_equal_nocase(typ, wanted);
}

static Outcome header_text(Arena *arena, const Jwk *key, Text given, Text typ, Text *out) {
        Json *head;
        if (given.len) {
                TRY(json_read_object(arena, given, &head));
                ENSURE(algorithm_named(json_text(head, "alg")) == key->algorithm, outcome_fault("alg does not fit the signing key"));
                *out = given;
                return outcome_good();
        }
        Buf buf = buf_new(arena, 160);
        JsonOut json = json_out(&buf);
        json_open(&json, NULL, '{');
        json_put_str(&json, "alg", algorithm_name(key->algorithm));
        json_put_text(&json, "kid", jwk_kid(key));
        json_put_text_if(&json, "typ", typ);
        json_close(&json, '}');
        *out = buf_done(&buf);
        ENSURE(out->len, outcome_fault("memory"));
        return outcome_good();
}

static bool sign_digest(const Jwk *key, Text input, uint8_t *sig, size_t *len) {
        uint8_t digest[HASH_SIZE], der[80];
        size_t der_len = sizeof der;
        bool ec = key->algorithm == ALGORITHM_ES256;
        hash_sha256(input, digest);
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_dup(key->signer);
        bool ok = ctx && EVP_PKEY_sign(ctx, ec ? der : sig, ec ? &der_len : len, digest, sizeof digest) == 1;
        EVP_PKEY_CTX_free(ctx);
        if (ok && ec) {
                *len = ES256_SIZE;
                ok = raw_of_der(sig, der, der_len);
        }
        return ok;
}

static bool sign_whole(const Jwk *key, Text input, uint8_t *sig, size_t *len) {
        EVP_MD_CTX *ctx = scratch()->whole;
        bool ok = EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, key->pkey, NULL) == 1 &&
                  EVP_DigestSign(ctx, sig, len, (const uint8_t *)input.at, input.len) == 1;
        EVP_MD_CTX_reset(ctx); /* drops the key */
        return ok;
}

Outcome jws_sign(Arena *arena, const Jwk *key, Text header, Text typ, Text payload, Text *out) {
        uint8_t sig[512];
        size_t len = sizeof sig;
        ENSURE(key->secret, outcome_fault("a public key does not sign"));
        TRY(header_text(arena, key, header, typ, &header));
        size_t head = B64URL_SIZE(header.len), body = B64URL_SIZE(payload.len);
        ENSURE(head <= JWS_HEADER_MAX && payload.len && body + head + B64URL_SIZE(sizeof sig) + 2 <= JWS_TOKEN_MAX,
               outcome_fault("nothing to sign, or too much for a token"));
        char *token = arena_take(arena, head + body + B64URL_SIZE(sizeof sig) + 3);
        ENSURE(token, outcome_fault("memory"));
        b64url_write(token, header.at, header.len);
        token[head] = '.';
        b64url_write(token + head + 1, payload.at, payload.len);
        const Text input = {token, head + 1 + body};
        bool ok = key->algorithm == ALGORITHM_EDDSA ? sign_whole(key, input, sig, &len) : sign_digest(key, input, sig, &len);
        ENSURE(scratch_settle(ok), outcome_fault("signing failed"));
        token[input.len] = '.';
        b64url_write(token + input.len + 1, sig, len);
        *out = (Text){token, input.len + 1 + B64URL_SIZE(len)};
        return outcome_good();
}
