#include "core/pages/page.h"
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

/* Controls do nothing good on a page; bidirectional overrides let a client's name rewrite the sentence around it. */
static size_t dropped_here(const unsigned char *at, size_t left) {
        if ((at[0] < 0x20 && at[0] != '\n' && at[0] != '\t') || at[0] == 0x7f)
                return 1;
        if (left >= 2 && at[0] == 0xc2 && at[1] < 0xa0)
                return 2; /* C1 */
        if (left >= 2 && at[0] == 0xd8 && at[1] == 0x9c)
                return 2; /* U+061C */
        if (left >= 3 && at[0] == 0xe2 && at[1] == 0x80 && ((at[2] >= 0x8b && at[2] <= 0x8f) || (at[2] >= 0xaa && at[2] <= 0xae)))
                return 3; /* U+200B..200F, U+202A..202E */
        if (left >= 3 && at[0] == 0xe2 && at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9)
                return 3; /* U+2066..2069 */
        return 0;
}

static const char *entity_of(char c) {
        switch (c) {
        case '&': return "&amp;";
        case '<': return "&lt;";
        case '>': return "&gt;";
        case '"': return "&quot;";
        case '\'': return "&#39;";
        default: return NULL;
        }
}

void page_text(Page *page, Text text) {
        if (!text_utf8(text)) {
                page_raw(page, "(not readable)");
                return;
        }
        for (size_t i = 0; i < text.len;) {
                size_t drop = dropped_here((const unsigned char *)text.at + i, text.len - i);
                const char *entity = entity_of(text.at[i]);
                if (drop)
                        i += drop;
                else if (entity)
                        buf_str(&page->buf, entity), i++;
                else
                        buf_char(&page->buf, text.at[i++]);
        }
}

void page_raw(Page *page, const char *markup) { buf_str(&page->buf, markup); }
void page_str(Page *page, const char *text) { page_text(page, text_of(text)); }

void page_print(Page *page, const char *fmt, ...) {
        char line[1024];
        va_list args;
        va_start(args, fmt);
        vsnprintf(line, sizeof line, fmt, args);
        va_end(args);
        size_t len = strlen(line);
        while (len && !text_utf8((Text){line, len}))
                len--; /* cut in the middle of a character */
        page_text(page, (Text){line, len});
}

void page_element(Page *page, const char *element, Text text) {
        buf_char(&page->buf, '<');
        buf_str(&page->buf, element);
        buf_char(&page->buf, '>');
        page_text(page, text);
        buf_str(&page->buf, "</");
        buf_put(&page->buf, element, text_find(text_of(element), ' '));
        buf_char(&page->buf, '>');
}

void page_hidden(Page *page, const char *name, Text value) {
        buf_print(&page->buf, "<input type=\"hidden\" name=\"%s\" value=\"", name);
        page_text(page, value);
        page_raw(page, "\">");
}

void page_form(Page *page, const Zone *zone, const char *path, const char *label) {
        page_raw(page, "<form method=\"post\" action=\"");
        page_text(page, zone->issuer);
        page_raw(page, path);
        if (label)
                buf_print(&page->buf, "\" aria-label=\"%s", label);
        page_raw(page, "\">");
}

Text time_text(Arena *arena, int64_t at) {
        char line[64];
        struct tm tm;
        time_t t = (time_t)at;
        if (!gmtime_r(&t, &tm))
                return TEXT("-");
        strftime(line, sizeof line, "%-d %b %Y, %H:%M UTC", &tm);
        return text_copy(arena, text_of(line));
}

void page_time(Page *page, int64_t at) {
        char iso[32];
        struct tm tm;
        time_t t = (time_t)at;
        if (!gmtime_r(&t, &tm))
                return;
        strftime(iso, sizeof iso, "%Y-%m-%dT%H:%M:%SZ", &tm);
        buf_print(&page->buf, "<time datetime=\"%s\">", iso);
        page_text(page, time_text(page->buf.arena, at));
        page_raw(page, "</time>");
}

Text duration_text(Arena *arena, int64_t seconds) {
        static const struct { int64_t seconds; const char *one, *many; } units[] = {
                {86400, "day", "days"}, {3600, "hour", "hours"}, {60, "minute", "minutes"}, {1, "second", "seconds"}};
        for (size_t i = 0; i < ARRAY_LEN(units); i++) {
                int64_t n = seconds / units[i].seconds;
                /* The largest unit that says it exactly, but never "1 hour" where minutes say it better. */
                if (n && seconds % units[i].seconds == 0)
                        return text_print(arena, "%lld %s", (long long)n, n == 1 ? units[i].one : units[i].many);
        }
        return TEXT("no time");
}

void page_classes(Page *page, unsigned classes) {
        page_raw(page, "<span class=\"classes\">");
        for (unsigned one = CLASS_READ; one <= CLASS_ADMINISTER; one <<= 1)
                if (classes & one)
                        buf_print(&page->buf, "<span class=\"class %s\">%s</span> ", class_name((Class)one), class_name((Class)one));
        page_raw(page, "</span>");
}

void page_notice(Page *page, const char *kind, Text text) {
        if (!text.len)
                return;
        buf_print(&page->buf, "<p class=\"notice %s\"%s>", kind, strcmp(kind, "bad") == 0 ? " role=\"alert\"" : "");
        page_text(page, text);
        page_raw(page, "</p>");
}

Page page_open(Arena *arena, const Zone *zone, const char *title) {
        Page page = {.buf = buf_new(arena, 12 * 1024)};
        page_raw(&page, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                        "<meta name=\"color-scheme\" content=\"light dark\"><meta name=\"robots\" content=\"noindex\"><title>");
        page_str(&page, title);
        if (zone)
                page_print(&page, " \xc2\xb7 %.*s", TEXT_ARG(zone->slug));
        page_raw(&page, "</title><style>");
        page_raw(&page, page_style);
        page_raw(&page, "</style></head><body><header class=\"top\"><span class=\"mark\" aria-hidden=\"true\"></span>");
        if (zone)
                page_element(&page, "span class=\"zone\"", zone->slug);
        page_raw(&page, "</header><main>");
        return page;
}

Text page_close(Page *page) {
        page_raw(page, "</main></body></html>\n");
        return buf_done(&page->buf);
}
