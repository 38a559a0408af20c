/* jwk-inner.h - what a Jwk is made of (within crypto only). */
#ifndef CARNET_CRYPTO_JWK_INNER_H
#define CARNET_CRYPTO_JWK_INNER_H
#include "crypto/b64url.h"
#include "crypto/jwk.h"
#include <openssl/evp.h>
#include <stdatomic.h>

struct Jwk {
        atomic_uint refs;
        Algorithm algorithm;
        bool secret;
        EVP_PKEY *pkey;
        EVP_PKEY_CTX *verifier, *signer; /* set up once, duplicated for each use; NULL for Ed25519 */
        char *members;                   /* the required members in RFC 7638's order: thumbprint input and public form */
        char *kid;
        size_t kid_len;
        uint8_t digest[HASH_SIZE];
        char thumbprint[B64URL_SIZE(HASH_SIZE) + 1];
};

/* Takes pkey (freed on failure) and the kid ("" : thumbprint). */
MUST_USE Outcome jwk_make(Algorithm algorithm, EVP_PKEY *pkey, bool secret, Text kid, Jwk **out);
/* *foreign: well-formed, but not for us: a set leaves it out. */
MUST_USE Outcome jwk_read_member(const Json *object, Jwk **out, bool *foreign);
#endif
