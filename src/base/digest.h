/* digest.h - SHA-256, for ids, stored secrets and memo keys. Keyed and signing algorithms are crypto's. */
#ifndef CARNET_BASE_DIGEST_H
#define CARNET_BASE_DIGEST_H
#include "base/text.h"

#define DIGEST_SIZE 32

void digest_sha256(Text bytes, uint8_t out[DIGEST_SIZE]);
Text digest_bytes(Arena *arena, Text bytes);   /* 32 raw bytes */
Text digest_hex(Arena *arena, Text bytes);     /* 64 hex digits */
#endif
