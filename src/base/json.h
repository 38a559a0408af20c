/* json.h - strict JSON in, compact JSON out.
 *
 * Reading is jansson's: duplicate member names refused (RFC 8259 leaves them open, two readers would disagree), depth 32,
 * no NUL in strings, nothing after the value. The tree belongs to the arena.
 * Writing is a Buf with commas kept right: JsonOut never allocates on its own.
 */
#ifndef CARNET_BASE_JSON_H
#define CARNET_BASE_JSON_H
#include "base/buf.h"
#include <jansson.h>

typedef json_t Json;

MUST_USE Outcome json_read(Arena *arena, Text source, Json **out);   /* refused row 0 when malformed */
MUST_USE Outcome json_read_object(Arena *arena, Text source, Json **out);
Text json_text(const Json *object, const char *name);                /* "" when absent or not a string; borrows */
bool json_has(const Json *object, const char *name);
bool json_int(const Json *object, const char *name, int64_t *out);   /* false when absent or not an integer */
bool json_bool(const Json *object, const char *name, bool otherwise);
Texts json_texts(Arena *arena, const Json *object, const char *name);/* array of strings, or one string; else none */
Text json_print(Arena *arena, const Json *value, size_t flags);      /* jansson dump flags, JSON_COMPACT | … */

typedef struct JsonOut {
        Buf *buf;
        bool comma;
} JsonOut;

JsonOut json_out(Buf *buf);
/* `name` NULL inside arrays and at the top. */
void json_open(JsonOut *out, const char *name, char bracket);        /* '{' or '[' */
void json_close(JsonOut *out, char bracket);                         /* '}' or ']' */
void json_put_text(JsonOut *out, const char *name, Text value);
void json_put_str(JsonOut *out, const char *name, const char *value);
void json_put_int(JsonOut *out, const char *name, int64_t value);
void json_put_bool(JsonOut *out, const char *name, bool value);
void json_put_texts(JsonOut *out, const char *name, Texts values);
void json_put_raw(JsonOut *out, const char *name, Text json);        /* already JSON */
void json_put_text_if(JsonOut *out, const char *name, Text value);   /* left out when empty */
#endif
