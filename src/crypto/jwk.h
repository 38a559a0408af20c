/* jwk.h - one key, and a published set of keys.
 *
 * knows        EC P-256, RSA of 2048 to 4096 bits, Ed25519; RFC 7517, 7518 6, 8037, thumbprints (RFC 7638)
 * never knows  whose key it is, where it came from, files
 * lifetime     Jwk and JwkSet are immutable and counted; ref/unref from any thread. Private keys live in OpenSSL's memory
 *              (wiped when freed, not in guarded pages: OpenSSL copies them at will); exported bytes live in a Secret
 * errors       refused row 0 with a sentence: not a key that we take. Fault: memory, OpenSSL
 *
 * Reading a JWK takes public keys only: private members (d, p, q, …) and symmetric keys (`oct`, `k`) refuse the key, and the
 * whole set that holds one, because whoever publishes those has no secret left. In a set, keys for other uses and of types or
 * algorithms unknown to us are left out (RFC 7517 5). Points off the curve or of small order, coordinates of odd length,
 * leading zeros in n, small or even e: refused. Embedded certificates (x5c, x5u) are never looked at.
 */
#ifndef CARNET_CRYPTO_JWK_H
#define CARNET_CRYPTO_JWK_H
#include "base/json.h"
#include "base/secret.h"
#include "crypto/algorithm.h"
#include "crypto/hash.h"

#define JWK_MAX 8192    /* bytes of a JWK's text */
#define JWKS_MAX 65536
#define JWKS_KEYS 32
#define KID_MAX 256

typedef struct Jwk Jwk;

MUST_USE Outcome jwk_read(const Json *object, Jwk **out);
MUST_USE Outcome jwk_read_text(Arena *arena, Text json, Jwk **out);
Jwk *jwk_ref(Jwk *key);
void jwk_unref(Jwk *key);                          /* NULL is fine */

Algorithm jwk_algorithm(const Jwk *key);           /* the one algorithm this key is for: its type decides */
Text jwk_kid(const Jwk *key);                      /* its `kid`, else its thumbprint; borrows */
Text jwk_thumbprint(const Jwk *key);               /* 43 characters (RFC 7638, SHA-256); borrows */
const uint8_t *jwk_digest(const Jwk *key);         /* the thumbprint's 32 bytes: the key's name in caches */
bool jwk_private(const Jwk *key);
Text jwk_print(Arena *arena, const Jwk *key);      /* public JWK: kty, members, kid, alg, use "sig" */

MUST_USE Outcome jwk_generate(Algorithm algorithm, Jwk **out);                 /* RSA: 2048 bits; kid = thumbprint. RSA takes ~100 ms */
MUST_USE Outcome jwk_export(const Jwk *key, Secret **pkcs8);                   /* private, PKCS #8 DER */
MUST_USE Outcome jwk_import(Algorithm expected, Text pkcs8, Jwk **out);        /* refuses another type of key; kid = thumbprint */

typedef struct JwkSet JwkSet;

MUST_USE Outcome jwks_read(Arena *arena, Text json, JwkSet **out);             /* {"keys":[…]}; ≤ 32; an empty rest is refused */
MUST_USE Outcome jwks_make(Jwk *const *keys, size_t n, JwkSet **out);          /* takes its own references */
JwkSet *jwks_ref(JwkSet *set);
void jwks_unref(JwkSet *set);
size_t jwks_count(const JwkSet *set);
Jwk *jwks_at(const JwkSet *set, size_t i);                                     /* borrows */
/* The key named kid for this algorithm; without a kid the only key of that algorithm; else NULL. Borrows. */
Jwk *jwks_find(const JwkSet *set, Text kid, Algorithm algorithm);
Text jwks_print(Arena *arena, const JwkSet *set);                              /* {"keys":[…]} */
#endif
