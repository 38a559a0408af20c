/* jws.h - compact JWS (RFC 7515): read, verify, sign.
 *
 * knows        three parts, the protected header, the closed list of algorithms
 * never knows  claims, which issuer a key belongs to, expiry
 * lifetime     a Jws borrows from the token and the arena
 * errors       refused row 0 with one fixed sentence each; a bad signature is refused too. Fault: memory
 *
 * jws_read proves NOTHING about who wrote the token. Embedded keys (jwk, jku, x5u, x5c) are never looked at: the key comes from
 * the caller, its type alone decides the algorithm, and the header's `alg` must be that one (no confusion is possible).
 * `crit`, `b64` and `zip` refuse the token: we understand no extension (RFC 7515 4.1.11, RFC 7797 6).
 */
#ifndef CARNET_CRYPTO_JWS_H
#define CARNET_CRYPTO_JWS_H
#include "crypto/jwk.h"

#define JWS_TOKEN_MAX 16384
#define JWS_HEADER_MAX 4096 /* encoded */

typedef struct Jws {
        Text token;               /* whole; what caches digest */
        Text input;               /* header.payload, as signed */
        Text header, payload;     /* decoded */
        Text signature;           /* raw bytes */
        Algorithm algorithm;
        Text alg, kid, typ;       /* kid and typ "" when absent; kid ≤ 256 printable bytes */
        const Json *head;         /* the header's members */
} Jws;

MUST_USE Outcome jws_read(Arena *arena, Text token, Jws *out);
MUST_USE Outcome jws_verify(const Jws *jws, const Jwk *key);
/* With the set's key of the header's kid; sets *which (may be NULL), borrowed from the set. */
MUST_USE Outcome jws_verify_by(const Jws *jws, const JwkSet *set, Jwk **which);
/* Is this `typ` the wanted one? ASCII case and a leading "application/" do not matter (RFC 7515 4.1.9). Absent: false. */
bool jws_typ_is(Text typ, Text wanted);

/* Signs with a private key. `header` is JSON whose alg must fit the key; "" makes {"alg","kid","typ"} ("typ" left out if ""). */
MUST_USE Outcome jws_sign(Arena *arena, const Jwk *key, Text header, Text typ, Text payload, Text *out);
#endif
