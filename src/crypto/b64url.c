#include "crypto/b64url.h"

static const char digits[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Value of a character plus one; 0: none. */
static const uint8_t values[256] = {
        ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
        ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
        ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
        ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
        ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
        ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
        ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
        ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64,
};

void b64url_write(char *out, const void *bytes, size_t n) {
        const uint8_t *in = bytes;
        for (; n >= 3; n -= 3, in += 3, out += 4) {
                uint32_t v = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
                out[0] = digits[v >> 18];
                out[1] = digits[v >> 12 & 63];
                out[2] = digits[v >> 6 & 63];
                out[3] = digits[v & 63];
        }
        if (n == 0)
                return;
        uint32_t v = (uint32_t)in[0] << 16 | (n == 2 ? (uint32_t)in[1] << 8 : 0);
        out[0] = digits[v >> 18];
        out[1] = digits[v >> 12 & 63];
        if (n == 2)
                out[2] = digits[v >> 6 & 63];
}

/* The last 2 or 3 characters; what they hold beyond whole bytes must be zero. */
static bool parse_rest(const uint8_t *in, size_t n, uint8_t *out) {
        uint32_t v = 0;
        for (size_t i = 0; i < n; i++) {
                if (!values[in[i]])
                        return false;
                v = v << 6 | (uint32_t)(values[in[i]] - 1);
        }
        if (n == 2) {
                out[0] = (uint8_t)(v >> 4);
                return (v & 15) == 0;
        }
        out[0] = (uint8_t)(v >> 10);
        out[1] = (uint8_t)(v >> 2);
        return (v & 3) == 0;
}

bool b64url_parse(Text encoded, uint8_t *out) {
        const uint8_t *in = (const uint8_t *)encoded.at;
        size_t n = encoded.len;
        for (; n >= 4; n -= 4, in += 4, out += 3) {
                uint32_t a = values[in[0]], b = values[in[1]], c = values[in[2]], d = values[in[3]];
                if (!a || !b || !c || !d)
                        return false;
                uint32_t v = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
                out[0] = (uint8_t)(v >> 16);
                out[1] = (uint8_t)(v >> 8);
                out[2] = (uint8_t)v;
        }
        if (n == 0)
                return true;
        return n != 1 && parse_rest(in, n, out);
}

Text b64url_encode(Arena *arena, Text bytes) {
        size_t len = B64URL_SIZE(bytes.len);
        char *out = arena_take(arena, len + 1);
        if (!out)
                return TEXT_NONE;
        b64url_write(out, bytes.at, bytes.len);
        return (Text){out, len};
}

Outcome b64url_decode(Arena *arena, Text encoded, Text *out) {
        size_t len = B64URL_BYTES(encoded.len);
        uint8_t *bytes = arena_take(arena, len + 1);
        ENSURE(bytes, outcome_fault("memory"));
        ENSURE(b64url_parse(encoded, bytes), outcome_malformed("not base64url"));
        *out = (Text){(const char *)bytes, len};
        return outcome_good();
}
