/* id.h - identifiers that sort by time and name their kind: "s_01JD…" (10 base32 digits of milliseconds, 16 of randomness). */
#ifndef CARNET_BASE_ID_H
#define CARNET_BASE_ID_H
#include "base/text.h"

#define ID_RANDOM 10 /* bytes of randomness an id is made of */

Text id_make(Arena *arena, char kind, int64_t now_ms, const uint8_t random[ID_RANDOM]);
bool id_ok(Text id, char kind); /* kind 0: any letter */
Text base32_text(Arena *arena, const uint8_t *bytes, size_t len); /* Crockford's alphabet, lower case */
#endif
