/* jwt.h - the registered claims of a JWT (RFC 7519), read strictly.
 *
 * knows        types and ranges of claims
 * never knows  whether the signature holds: read a Jws that was verified, or check both
 * lifetime     borrows from the arena
 * errors       refused row 0: a claim of another type than RFC 7519 says, a time that is no integer in 1 .. year 9999,
 *              `aud` neither a string nor a non-empty array of strings (≤ 16), not an object, over 64 members
 */
#ifndef CARNET_CRYPTO_JWT_H
#define CARNET_CRYPTO_JWT_H
#include "crypto/jws.h"

#define JWT_LEEWAY_MAX 60

typedef struct JwtClaims {
        Text iss, sub, jti;        /* "" when absent */
        Texts aud;                 /* none when absent */
        bool aud_array;            /* came as an array */
        int64_t exp, iat, nbf;     /* seconds; 0 when absent (no valid time is 0) */
        Text typ, kid, alg;        /* of the header */
        const Json *all;           /* every claim */
} JwtClaims;

MUST_USE Outcome jwt_read(Arena *arena, const Jws *jws, JwtClaims *out);
MUST_USE Outcome jwt_read_texts(Arena *arena, Text header, Text claims, JwtClaims *out); /* header "" : no typ, kid, alg */

typedef struct JwtTimes {
        int64_t now, leeway;       /* leeway above 60 counts as 60 */
        int64_t max_age;           /* longest life, exp - iat, and (without iat) exp - now; 0: unlimited */
        bool need_iat;
} JwtTimes;

/* exp is required and after now; iat and nbf are not later than now; all within leeway (A03). */
MUST_USE Outcome jwt_time_ok(const JwtClaims *claims, JwtTimes times);
bool jwt_aud_only(const JwtClaims *claims, Text wanted); /* exactly this one audience, as a string or one-element array */
bool jwt_aud_has(const JwtClaims *claims, Text wanted);  /* one of them, compared whole */
bool jwt_typ_is(const JwtClaims *claims, Text wanted);   /* absent: false */
#endif
