/* seal.h - sealed bytes: XChaCha20-Poly1305 with a random nonce, bound to a context.
 *
 * knows        a 32-byte key, its version, what the bytes are for
 * never knows  where the key comes from, what is sealed
 * errors       seal_open refuses (row 0) whatever was not sealed by this key, version and context: one sentence, no cause
 * form         version (1 byte) · nonce (24) · ciphertext · tag (16)
 */
#ifndef CARNET_CRYPTO_SEAL_H
#define CARNET_CRYPTO_SEAL_H
#include "base/text.h"

#define SEAL_KEY 32
#define SEAL_OVERHEAD 41
#define SEAL_MAX (1 << 20)

/* Associated data, each part with its length: a row copied to another zone, kind or id does not open there. */
typedef struct SealContext {
        Text zone, kind, id;
} SealContext;

MUST_USE Outcome seal_close(Arena *arena, Text key, uint8_t version, SealContext context, Text bytes, Text *out);
MUST_USE Outcome seal_open(Arena *arena, Text key, uint8_t version, SealContext context, Text sealed, Text *out);
#endif
