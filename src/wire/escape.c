#include "wire/escape.h"

static const char *entity(char c) {
        switch (c) {
        case '&': return "&amp;";
        case '<': return "&lt;";
        case '>': return "&gt;";
        case '"': return "&quot;";
        case '\'': return "&#39;";
        case '\n': case '\t': return NULL;
        default: return (unsigned char)c < 0x20 || c == 0x7f ? "\xef\xbf\xbd" : NULL;
        }
}

void buf_html(Buf *buf, Text t) {
        size_t from = 0;
        for (size_t i = 0; i < t.len; i++) {
                const char *instead = entity(t.at[i]);
                if (!instead)
                        continue;
                buf_text(buf, text_sub(t, from, i));
                buf_str(buf, instead);
                from = i + 1;
        }
        buf_text(buf, text_sub(t, from, t.len));
}

Text html_escape(Arena *arena, Text t) {
        Buf buf = buf_new(arena, t.len + t.len / 4);
        buf_html(&buf, t);
        return buf_done(&buf);
}
