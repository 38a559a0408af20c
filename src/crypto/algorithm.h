/* algorithm.h - the closed list of signature algorithms (algorithms.def).
 *
 * knows        names, and which type of key each needs
 * errors       an unknown name is ALGORITHM_NONE, which no key fits
 */
#ifndef CARNET_CRYPTO_ALGORITHM_H
#define CARNET_CRYPTO_ALGORITHM_H
#include "base/text.h"

typedef enum Algorithm {
        ALGORITHM_NONE = 0,
#define ALGORITHM(id, name, kty, crv) ALGORITHM_##id,
#include "crypto/algorithms.def"
#undef ALGORITHM
        ALGORITHM_COUNT
} Algorithm;

Algorithm algorithm_named(Text name);      /* exact case; "Ed25519" (RFC 9864) is EdDSA */
const char *algorithm_name(Algorithm a);   /* "" for none */
const char *algorithm_kty(Algorithm a);
const char *algorithm_crv(Algorithm a);
#endif
