/* sigcache.h - "these bytes carry a valid signature of key K", remembered.
 *
 * knows        SHA-256 of whole tokens, digests of keys
 * never knows  expiry, sessions, clients, revocation: those are asked each time (design 4.3)
 * lifetime     one per loop, no locks. Bounded: sets of eight, least recently used by a clock; a full set forgets
 * errors       sigcache_new NULL without memory. A forgotten entry is a miss, never a wrong answer
 */
#ifndef CARNET_CRYPTO_SIGCACHE_H
#define CARNET_CRYPTO_SIGCACHE_H
#include "crypto/jws.h"

#define SIGCACHE_BYTES ((size_t)64 << 20)

typedef struct SigCache SigCache;

SigCache *sigcache_new(size_t bytes);                                  /* pages are touched as they fill */
void sigcache_free(SigCache *cache);
void sigcache_add(SigCache *cache, Text token, const Jwk *key);        /* when we signed it, or after jws_verify */
bool sigcache_has(SigCache *cache, Text token, const Jwk *key);
void sigcache_forget(SigCache *cache, const Jwk *key);                 /* O(1); may forget some other keys' entries too */
/* sigcache_has, else jws_verify and sigcache_add. The key must fit the header's alg either way. `cache` NULL: just verifies. */
MUST_USE Outcome sigcache_verify(SigCache *cache, const Jws *jws, const Jwk *key);
#endif
