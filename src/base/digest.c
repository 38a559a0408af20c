#include "base/digest.h"
#include <sodium.h>

void digest_sha256(Text bytes, uint8_t out[DIGEST_SIZE]) {
        crypto_hash_sha256(out, (const unsigned char *)bytes.at, bytes.len);
}

Text digest_bytes(Arena *arena, Text bytes) {
        uint8_t raw[DIGEST_SIZE];
        digest_sha256(bytes, raw);
        return text_copy(arena, (Text){(const char *)raw, sizeof raw});
}

Text digest_hex(Arena *arena, Text bytes) {
        uint8_t raw[DIGEST_SIZE];
        char hex[2 * DIGEST_SIZE + 1];
        digest_sha256(bytes, raw);
        sodium_bin2hex(hex, sizeof hex, raw, sizeof raw);
        return text_copy(arena, (Text){hex, 2 * DIGEST_SIZE});
}
