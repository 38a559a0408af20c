#include "base/buf.h"
#include <stdarg.h>
#include <stdio.h>

Buf buf_new(Arena *arena, size_t size) {
        Buf buf = {.arena = arena, .at = arena_take(arena, size + 1), .size = size};
        buf.broken = !buf.at;
        return buf;
}

static bool buf_room(Buf *buf, size_t more) {
        if (buf->broken)
                return false;
        if (more <= buf->size - buf->len)
                return true;
        size_t size = (buf->size + more) * 2;
        char *to = size < more ? NULL : arena_take(buf->arena, size + 1);
        if (!to) {
                buf->broken = true;
                return false;
        }
        memcpy(to, buf->at, buf->len);
        buf->at = to;
        buf->size = size;
        return true;
}

void buf_put(Buf *buf, const void *bytes, size_t len) {
        if (!len || !buf_room(buf, len))
                return;
        memcpy(buf->at + buf->len, bytes, len);
        buf->len += len;
        buf->at[buf->len] = 0;
}

void buf_text(Buf *buf, Text t) { buf_put(buf, t.at, t.len); }
void buf_char(Buf *buf, char c) { buf_put(buf, &c, 1); }
void buf_str(Buf *buf, const char *cstr) { buf_put(buf, cstr, strlen(cstr)); }

void buf_int(Buf *buf, int64_t value) {
        char digits[24], *p = digits + sizeof digits;
        uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
        do
                *--p = (char)('0' + rest % 10);
        while (rest /= 10);
        if (value < 0)
                *--p = '-';
        buf_put(buf, p, (size_t)(digits + sizeof digits - p));
}

void buf_print(Buf *buf, const char *fmt, ...) {
        va_list args, again;
        va_start(args, fmt);
        va_copy(again, args);
        int n = vsnprintf(NULL, 0, fmt, args);
        va_end(args);
        if (n > 0 && buf_room(buf, (size_t)n)) {
                vsnprintf(buf->at + buf->len, (size_t)n + 1, fmt, again);
                buf->len += (size_t)n;
        }
        va_end(again);
}

Text buf_done(const Buf *buf) { return buf->broken ? TEXT_NONE : (Text){buf->at, buf->len}; }
