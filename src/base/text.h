/* text.h - a slice of bytes with a length. The only string type that crosses folders.
 *
 * knows        bytes
 * never knows  encodings beyond ASCII case and UTF-8 validity
 * lifetime     a slice borrows; text_copy() and text_print() take from an arena. Copies made here are NUL-terminated
 *              one past `len`, so `.at` may be handed to C libraries
 * errors       without memory the empty Text {NULL, 0}
 */
#ifndef CARNET_BASE_TEXT_H
#define CARNET_BASE_TEXT_H
#include "base/arena.h"
#include "base/outcome.h"
#include <stdint.h>
#include <string.h>

typedef struct Text {
        const char *at;
        size_t len;
} Text;

#define TEXT(literal) ((Text){(literal), sizeof(literal) - 1})
#define TEXT_NONE ((Text){NULL, 0})
#define TEXT_ARG(t) (int)(t).len, (t).at ? (t).at : "" /* for "%.*s" */

static inline Text text_of(const char *cstr) { return (Text){cstr, cstr ? strlen(cstr) : 0}; }
static inline bool text_empty(Text t) { return t.len == 0; }
static inline bool text_equal(Text a, Text b) { return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0); }
static inline bool text_is(Text a, const char *cstr) { return text_equal(a, text_of(cstr)); }

bool text_same_secret(Text a, Text b);             /* constant time in the contents; lengths are not secret */
int text_order(Text a, Text b);                    /* memcmp order */
bool text_starts(Text t, Text prefix);
bool text_ends(Text t, Text suffix);
bool text_equal_nocase(Text a, Text b);            /* ASCII only */
size_t text_find(Text t, char c);                  /* index, or t.len */
Text text_sub(Text t, size_t from, size_t to);     /* [from, to), clamped */
Text text_trim(Text t);                            /* spaces and tabs at both ends */
bool text_next_word(Text *rest, Text *word);       /* words by single or many spaces; false at the end */
Text text_copy(Arena *arena, Text t);
Text text_print(Arena *arena, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool text_utf8(Text t);                            /* valid UTF-8, no NUL */
bool text_printable(Text t);                       /* 0x20..0x7e only */
MUST_USE Outcome text_int(Text t, int64_t *out);   /* decimal, whole text, optional '-', no overflow */
uint64_t text_hash(Text t, uint64_t seed);         /* for memo keys and tables of this process; strangers' keys want a secret seed */

/* A list of texts on an arena. */
typedef struct Texts {
        Text *at;
        size_t n;
} Texts;

bool texts_have(Texts list, Text t);
MUST_USE Outcome texts_add(Arena *arena, Texts *list, Text t);   /* grows by copying: for short lists */
Texts texts_words(Arena *arena, Text spaced);                     /* unique words in order of appearance */
Text texts_join(Arena *arena, Texts list, const char *between);
bool texts_within(Texts small, Texts large);                     /* every one of small is in large */
#endif
