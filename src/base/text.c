#include "base/text.h"
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>

bool text_same_secret(Text a, Text b) { return a.len == b.len && (a.len == 0 || sodium_memcmp(a.at, b.at, a.len) == 0); }

int text_order(Text a, Text b) {
        size_t n = a.len < b.len ? a.len : b.len;
        int order = n ? memcmp(a.at, b.at, n) : 0;
        return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool text_starts(Text t, Text prefix) { return t.len >= prefix.len && text_equal((Text){t.at, prefix.len}, prefix); }

bool text_ends(Text t, Text suffix) {
        return t.len >= suffix.len && text_equal((Text){t.at + (t.len - suffix.len), suffix.len}, suffix);
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

bool text_equal_nocase(Text a, Text b) {
        if (a.len != b.len)
                return false;
        for (size_t i = 0; i < a.len; i++)
                if (lower(a.at[i]) != lower(b.at[i]))
                        return false;
        return true;
}

size_t text_find(Text t, char c) {
        const char *p = t.len ? memchr(t.at, c, t.len) : NULL;
        return p ? (size_t)(p - t.at) : t.len;
}

Text text_sub(Text t, size_t from, size_t to) {
        if (to > t.len)
                to = t.len;
        if (from >= to)
                return (Text){t.at ? t.at + (from < t.len ? from : t.len) : NULL, 0};
        return (Text){t.at + from, to - from};
}

Text text_trim(Text t) {
        while (t.len && (t.at[0] == ' ' || t.at[0] == '\t'))
                t = (Text){t.at + 1, t.len - 1};
        while (t.len && (t.at[t.len - 1] == ' ' || t.at[t.len - 1] == '\t'))
                t.len--;
        return t;
}

bool text_next_word(Text *rest, Text *word) {
        while (rest->len && rest->at[0] == ' ')
                *rest = text_sub(*rest, 1, rest->len);
        if (!rest->len)
                return false;
        size_t n = text_find(*rest, ' ');
        *word = (Text){rest->at, n};
        *rest = text_sub(*rest, n, rest->len);
        return true;
}

Text text_copy(Arena *arena, Text t) {
        char *to = arena_take(arena, t.len + 1);
        if (!to)
                return TEXT_NONE;
        if (t.len)
                memcpy(to, t.at, t.len);
        return (Text){to, t.len};
}

Text text_print(Arena *arena, const char *fmt, ...) {
        va_list args, again;
        va_start(args, fmt);
        va_copy(again, args);
        int n = vsnprintf(NULL, 0, fmt, args);
        va_end(args);
        char *to = n < 0 ? NULL : arena_take(arena, (size_t)n + 1);
        if (to)
                vsnprintf(to, (size_t)n + 1, fmt, again);
        va_end(again);
        return to ? (Text){to, (size_t)n} : TEXT_NONE;
}

/* RFC 3629: shortest form only, no surrogates, at most U+10FFFF. */
static size_t utf8_step(const unsigned char *p, size_t left) {
        if (p[0] < 0x80)
                return p[0] ? 1 : 0;
        size_t n = p[0] >= 0xc2 && p[0] <= 0xdf ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4 : 0;
        if (!n || n > left)
                return 0;
        for (size_t i = 1; i < n; i++)
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
        bool bad = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
                   (p[0] == 0xf4 && p[1] > 0x8f);
        return bad ? 0 : n;
}

bool text_utf8(Text t) {
        for (size_t i = 0; i < t.len;) {
                size_t n = utf8_step((const unsigned char *)t.at + i, t.len - i);
                if (!n)
                        return false;
                i += n;
        }
        return true;
}

bool text_printable(Text t) {
        for (size_t i = 0; i < t.len; i++)
                if (t.at[i] < 0x20 || t.at[i] > 0x7e)
                        return false;
        return true;
}

Outcome text_int(Text t, int64_t *out) {
        bool minus = t.len && t.at[0] == '-';
        Text digits = minus ? text_sub(t, 1, t.len) : t;
        ENSURE(digits.len && digits.len <= 19, outcome_malformed("not a number"));
        int64_t value = 0;
        for (size_t i = 0; i < digits.len; i++) {
                char c = digits.at[i];
                ENSURE(c >= '0' && c <= '9', outcome_malformed("not a number"));
                ENSURE(!__builtin_mul_overflow(value, 10, &value) && !__builtin_add_overflow(value, c - '0', &value),
                       outcome_malformed("number out of range"));
        }
        *out = minus ? -value : value;
        return outcome_good();
}

static uint64_t hash_mix(uint64_t a, uint64_t b) {
        unsigned __int128 product = (unsigned __int128)a * b;
        return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Eight bytes a step, by multiplication and folding (as wyhash does): events and tokens go through here at each need. */
uint64_t text_hash(Text t, uint64_t seed) {
        const uint64_t odd = 0x9e3779b97f4a7c15u, other = 0xd6e8feb86659fd93u;
        uint64_t h = hash_mix(seed ^ odd, t.len ^ other), word;
        size_t i = 0;
        for (; i + sizeof word <= t.len; i += sizeof word) {
                memcpy(&word, t.at + i, sizeof word);
                h = hash_mix(h ^ word, odd);
        }
        if (i < t.len) {
                word = 0;
                memcpy(&word, t.at + i, t.len - i);
                h = hash_mix(h ^ word, odd);
        }
        return hash_mix(h, other);
}

bool texts_have(Texts list, Text t) {
        for (size_t i = 0; i < list.n; i++)
                if (text_equal(list.at[i], t))
                        return true;
        return false;
}

Outcome texts_add(Arena *arena, Texts *list, Text t) {
        if ((list->n & (list->n - 1)) == 0) { /* full at every power of two */
                Text *more = arena_array(arena, Text, list->n ? list->n * 2 : 1);
                ENSURE(more, outcome_fault("memory"));
                if (list->n)
                        memcpy(more, list->at, list->n * sizeof *more);
                list->at = more;
        }
        list->at[list->n++] = t;
        return outcome_good();
}

Texts texts_words(Arena *arena, Text spaced) {
        Texts list = {0};
        for (Text word; text_next_word(&spaced, &word);)
                if (!texts_have(list, word) && !outcome_ok(texts_add(arena, &list, word)))
                        return (Texts){0};
        return list;
}

Text texts_join(Arena *arena, Texts list, const char *between) {
        size_t gap = strlen(between), len = 0;
        for (size_t i = 0; i < list.n; i++)
                len += list.at[i].len + (i ? gap : 0);
        char *to = arena_take(arena, len + 1), *p = to;
        if (!to)
                return TEXT_NONE;
        for (size_t i = 0; i < list.n; i++) {
                if (i)
                        p = (char *)memcpy(p, between, gap) + gap;
                if (list.at[i].len)
                        p = (char *)memcpy(p, list.at[i].at, list.at[i].len) + list.at[i].len;
        }
        return (Text){to, len};
}

bool texts_within(Texts small, Texts large) {
        for (size_t i = 0; i < small.n; i++)
                if (!texts_have(large, small.at[i]))
                        return false;
        return true;
}
