/* hash.h - SHA-256 at OpenSSL's speed, HMAC, randomness.
 *
 * knows        bytes; keeps one digest context per thread
 * errors       none: without memory at a thread's first use the process aborts
 * Generated secrets of 256 bits are stored as hash_sha256 of their text: no salt, no stretching, nothing to guess.
 */
#ifndef CARNET_CRYPTO_HASH_H
#define CARNET_CRYPTO_HASH_H
#include "base/text.h"

#define HASH_SIZE 32

void hash_sha256(Text bytes, uint8_t out[HASH_SIZE]);
void hash_sha256_parts(const Text *parts, size_t n, uint8_t out[HASH_SIZE]); /* of the concatenation */
Text hash_bytes(Arena *arena, Text bytes);                                   /* 32 raw bytes */
Text hash_b64url(Arena *arena, Text bytes);                                  /* 43 characters: PKCE S256, x5t#S256, ath */
/* HMAC-SHA-256 over the parts, each preceded by its length in 8 bytes, so that no two lists of parts read alike. */
void hash_mac(Text key, const Text *parts, size_t n, uint8_t out[HASH_SIZE]);
void hash_random(void *out, size_t n);
#endif
