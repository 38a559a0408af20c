/* page.h - HTML pages: one writer, through which every text goes escaped.
 *
 * knows        HTML text and attribute syntax, the one stylesheet, how times and classes read to people
 * never knows  header fields, cookies, what a page is about
 * lifetime     the request's arena
 * errors       without memory page_close() gives TEXT_NONE
 *
 * Markup comes only from literals: page_raw() takes what stands in our source, everything else goes through page_text()
 * or page_print(). Attributes are always in double quotes, so one escaping serves both contexts. There is no script, and
 * no URL of a stranger ever becomes a link.
 */
#ifndef CARNET_CORE_PAGES_PAGE_H
#define CARNET_CORE_PAGES_PAGE_H
#include "core/model.h"
#include "base/buf.h"

typedef struct Page {
        Buf buf;
} Page;

Page page_open(Arena *arena, const Zone *zone, const char *title);
Text page_close(Page *page);
void page_raw(Page *page, const char *markup);                              /* literals only */
void page_text(Page *page, Text text);                                      /* escaped; controls and bidirectional overrides dropped */
void page_str(Page *page, const char *text);
void page_print(Page *page, const char *fmt, ...) PRINTF_LIKE(2, 3);        /* formatted, then escaped as a whole */
void page_element(Page *page, const char *element, Text text);              /* "p class=\"note\"" -> <p class="note">text</p> */
void page_hidden(Page *page, const char *name, Text value);
void page_form(Page *page, const Zone *zone, const char *path, const char *label); /* opens a POST form to {issuer}path */
void page_time(Page *page, int64_t at);                                     /* "24 Nov 2026, 14:05 UTC" */
void page_classes(Page *page, unsigned classes);                            /* read write delete administer, as words */
void page_notice(Page *page, const char *kind, Text text);                  /* kind: "note", "warn", "bad"; nothing when empty */
Text time_text(Arena *arena, int64_t at);
Text duration_text(Arena *arena, int64_t seconds);                          /* "60 minutes", "12 hours", "30 days" */
extern const char page_style[];
#endif
