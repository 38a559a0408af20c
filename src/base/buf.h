/* buf.h - bytes that grow, on an arena.
 *
 * lifetime     buf_text() borrows until the next append; the bytes belong to the arena
 * errors       without memory the buffer is `broken`, further appends do nothing, buf_text() is TEXT_NONE
 */
#ifndef CARNET_BASE_BUF_H
#define CARNET_BASE_BUF_H
#include "base/text.h"

typedef struct Buf {
        Arena *arena;
        char *at;
        size_t len, size;
        bool broken;
} Buf;

Buf buf_new(Arena *arena, size_t size);
void buf_put(Buf *buf, const void *bytes, size_t len);
void buf_text(Buf *buf, Text t);
void buf_char(Buf *buf, char c);
void buf_str(Buf *buf, const char *cstr);
void buf_int(Buf *buf, int64_t value);
void buf_print(Buf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);
Text buf_done(const Buf *buf); /* NUL-terminated one past the end */
#endif
