#include "crypto/seal.h"
#include "base/buf.h"
#include <sodium.h>

#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES
_Static_assert(SEAL_OVERHEAD == 1 + NONCE + TAG, "the form in the header");
_Static_assert(SEAL_KEY == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "the key");

static void put_part(Buf *buf, Text part) {
        const uint32_t n = (uint32_t)part.len;
        buf_put(buf, (uint8_t[]){(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}, 4);
        buf_put(buf, part.at, part.len);
}

static Text associated(Arena *arena, uint8_t version, SealContext c) {
        Buf buf = buf_new(arena, 16 + c.zone.len + c.kind.len + c.id.len);
        buf_char(&buf, (char)version);
        put_part(&buf, c.zone);
        put_part(&buf, c.kind);
        put_part(&buf, c.id);
        return buf_done(&buf);
}

static bool sane(Text key, SealContext c) {
        return key.len == SEAL_KEY && c.kind.len && c.zone.len < SEAL_MAX && c.kind.len < SEAL_MAX && c.id.len < SEAL_MAX;
}

Outcome seal_close(Arena *arena, Text key, uint8_t version, SealContext context, Text bytes, Text *out) {
        ENSURE(sane(key, context) && bytes.len <= SEAL_MAX, outcome_fault("a key, a kind and at most 1 MiB can be sealed"));
        Text ad = associated(arena, version, context);
        uint8_t *box = arena_take(arena, SEAL_OVERHEAD + bytes.len);
        ENSURE(ad.len && box && sodium_init() >= 0, outcome_fault("memory"));
        box[0] = version;
        randombytes_buf(box + 1, NONCE);
        crypto_aead_xchacha20poly1305_ietf_encrypt(box + 1 + NONCE, NULL, (const uint8_t *)bytes.at, bytes.len,
                                                   (const uint8_t *)ad.at, ad.len, NULL, box + 1,
                                                   (const uint8_t *)key.at);
        *out = (Text){(const char *)box, SEAL_OVERHEAD + bytes.len};
        return outcome_good();
}

Outcome seal_open(Arena *arena, Text key, uint8_t version, SealContext context, Text sealed, Text *out) {
        ENSURE(sane(key, context), outcome_fault("a key and a kind are needed"));
        const uint8_t *box = (const uint8_t *)sealed.at;
        ENSURE(sealed.len >= SEAL_OVERHEAD && sealed.len <= SEAL_OVERHEAD + SEAL_MAX && box[0] == version,
               outcome_malformed("sealed bytes do not open"));
        Text ad = associated(arena, version, context);
        size_t len = sealed.len - SEAL_OVERHEAD;
        uint8_t *bytes = arena_take(arena, len + 1);
        ENSURE(ad.len && bytes, outcome_fault("memory"));
        ENSURE(crypto_aead_xchacha20poly1305_ietf_decrypt(bytes, NULL, NULL, box + 1 + NONCE, len + TAG,
                                                          (const uint8_t *)ad.at, ad.len, box + 1,
                                                          (const uint8_t *)key.at) == 0,
               outcome_malformed("sealed bytes do not open"));
        *out = (Text){(const char *)bytes, len};
        return outcome_good();
}
