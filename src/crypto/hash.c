#include "crypto/hash.h"
#include "crypto/b64url.h"
#include "crypto/scratch.h"
#include <sodium.h>
#include <stdlib.h>

void hash_sha256_parts(const Text *parts, size_t n, uint8_t out[HASH_SIZE]) {
        Scratch *s = scratch();
        int ok = EVP_DigestInit_ex2(s->digest, s->sha256, NULL);
        for (size_t i = 0; ok && i < n; i++)
                ok = EVP_DigestUpdate(s->digest, parts[i].at, parts[i].len);
        if (!ok || !EVP_DigestFinal_ex(s->digest, out, NULL))
                abort(); /* a digest that is not one must never be compared */
}

void hash_sha256(Text bytes, uint8_t out[HASH_SIZE]) { hash_sha256_parts(&bytes, 1, out); }

Text hash_bytes(Arena *arena, Text bytes) {
        uint8_t raw[HASH_SIZE];
        hash_sha256(bytes, raw);
        return text_copy(arena, (Text){(const char *)raw, sizeof raw});
}

Text hash_b64url(Arena *arena, Text bytes) {
        uint8_t raw[HASH_SIZE];
        hash_sha256(bytes, raw);
        return b64url_encode(arena, (Text){(const char *)raw, sizeof raw});
}

void hash_mac(Text key, const Text *parts, size_t n, uint8_t out[HASH_SIZE]) {
        crypto_auth_hmacsha256_state state;
        crypto_auth_hmacsha256_init(&state, (const unsigned char *)key.at, key.len);
        for (size_t i = 0; i < n; i++) {
                uint8_t len[8];
                for (int b = 0; b < 8; b++)
                        len[b] = (uint8_t)((uint64_t)parts[i].len >> (56 - 8 * b));
                crypto_auth_hmacsha256_update(&state, len, sizeof len);
                crypto_auth_hmacsha256_update(&state, (const unsigned char *)parts[i].at, parts[i].len);
        }
        crypto_auth_hmacsha256_final(&state, out);
        sodium_memzero(&state, sizeof state);
}

/* A request takes a few bytes several times: one system call serves some twenty of them. What was given is wiped here. */
void hash_random(void *out, size_t n) {
        static _Thread_local uint8_t pool[256];
        static _Thread_local size_t left;
        if (sodium_init() < 0)
                abort();
        if (n > 16) { /* secrets wait nowhere */
                randombytes_buf(out, n);
                return;
        }
        if (left < n) {
                randombytes_buf(pool, sizeof pool);
                left = sizeof pool;
        }
        left -= n;
        memcpy(out, pool + left, n);
        sodium_memzero(pool + left, n);
}
