/* form.h - application/x-www-form-urlencoded, read strictly and written: bodies and URL queries alike.
 *
 * knows        names and values, at most FORM_FIELDS of them; '+' is a space; empty values are kept
 * never knows  which parameters a protocol has
 * lifetime     everything read is on the arena
 * errors       refused row 0: bad percent-encoding, NUL or invalid UTF-8 after decoding, too many or too large fields,
 *              an empty name. Repeats are not an error here: form_once() and form_repeats() show them
 */
#ifndef CARNET_WIRE_FORM_H
#define CARNET_WIRE_FORM_H
#include "base/text.h"

#define FORM_FIELDS 64
#define FORM_NAME_MAX 256
#define FORM_VALUE_MAX 65536

typedef struct FormField {
        Text name, value;
} FormField;

typedef struct Form {
        FormField *at;
        size_t n;
} Form;

MUST_USE Outcome form_read(Arena *arena, Text source, Form *out);                 /* empty source: no fields */
size_t form_count(const Form *form, const char *name);
Text form_get(const Form *form, const char *name);                                /* the first; .at NULL when absent, "" when empty */
MUST_USE Outcome form_once(const Form *form, const char *name, Text *out);        /* refused when repeated (OAuth 2.1 3.2) */
Texts form_all(Arena *arena, const Form *form, const char *name);                 /* repeats in order */
const char *form_repeats(const Form *form, const char *const may_repeat[]);       /* a name that repeats and is not listed (NULL-ended), else NULL */
MUST_USE Outcome form_add(Arena *arena, Form *form, const char *name, Text value); /* for writing; short forms only */
Text form_write(Arena *arena, const Form *form);                                  /* a=b&c=d; TEXT_NONE without memory */
MUST_USE Outcome percent_decode(Arena *arena, Text source, bool plus_is_space, Text *out);
#endif
