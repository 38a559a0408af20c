#include "base/id.h"

static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

Text base32_text(Arena *arena, const uint8_t *bytes, size_t len) {
        size_t n = (len * 8 + 4) / 5;
        char *to = arena_take(arena, n + 1);
        if (!to)
                return TEXT_NONE;
        for (size_t i = 0; i < n; i++) {
                size_t bit = i * 5, byte = bit / 8;
                unsigned pair = (unsigned)bytes[byte] << 8 | (byte + 1 < len ? bytes[byte + 1] : 0u);
                to[i] = digits[pair >> (11 - bit % 8) & 31];
        }
        return (Text){to, n};
}

Text id_make(Arena *arena, char kind, int64_t now_ms, const uint8_t random[ID_RANDOM]) {
        char stamp[11] = {0};
        for (int i = 9; i >= 0; i--, now_ms >>= 5)
                stamp[i] = digits[now_ms & 31];
        Text tail = base32_text(arena, random, ID_RANDOM);
        return text_print(arena, "%c_%s%.*s", kind, stamp, TEXT_ARG(tail));
}

bool id_ok(Text id, char kind) {
        if (id.len != 28 || id.at[1] != '_' || (kind ? id.at[0] != kind : id.at[0] < 'a' || id.at[0] > 'z'))
                return false;
        for (size_t i = 2; i < id.len; i++)
                if (!memchr(digits, id.at[i], sizeof digits - 1))
                        return false;
        return true;
}
