#include "base/json.h"
#include <stdlib.h>

#define JSON_DEPTH 32

static void json_unref(void *value) { json_decref(value); }

/* jansson bounds depth at 2048; what strangers send needs far less, and our own walkers recurse. */
static bool depth_bounded(Text source) {
        int depth = 0;
        bool quoted = false;
        for (size_t i = 0; i < source.len; i++) {
                char c = source.at[i];
                if (quoted) {
                        if (c == '\\')
                                i++;
                        else if (c == '"')
                                quoted = false;
                } else if (c == '"')
                        quoted = true;
                else if ((c == '{' || c == '[') && ++depth > JSON_DEPTH)
                        return false;
                else if (c == '}' || c == ']')
                        depth--;
        }
        return true;
}

Outcome json_read(Arena *arena, Text source, Json **out) {
        json_error_t error;
        ENSURE(source.len, outcome_malformed("empty document"));
        ENSURE(depth_bounded(source), outcome_malformed("nested too deeply"));
        Json *value = json_loadb(source.at, source.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
        if (!value) {
                Text why = text_print(arena, "not JSON: %s (line %d column %d)", error.text, error.line, error.column);
                return outcome_malformed(why.at ? why.at : "not JSON");
        }
        ENSURE(arena_defer(arena, json_unref, value) == 0, outcome_fault("memory"));
        *out = value;
        return outcome_good();
}

Outcome json_read_object(Arena *arena, Text source, Json **out) {
        TRY(json_read(arena, source, out));
        ENSURE(json_is_object(*out), outcome_malformed("not a JSON object"));
        return outcome_good();
}

Text json_text(const Json *object, const char *name) {
        const Json *value = json_object_get(object, name);
        return json_is_string(value) ? (Text){json_string_value(value), json_string_length(value)} : TEXT_NONE;
}

bool json_has(const Json *object, const char *name) { return json_object_get(object, name) != NULL; }

bool json_int(const Json *object, const char *name, int64_t *out) {
        const Json *value = json_object_get(object, name);
        if (!json_is_integer(value))
                return false;
        *out = json_integer_value(value);
        return true;
}

bool json_bool(const Json *object, const char *name, bool otherwise) {
        const Json *value = json_object_get(object, name);
        return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

Texts json_texts(Arena *arena, const Json *object, const char *name) {
        const Json *value = json_object_get(object, name);
        Texts list = {0};
        if (json_is_string(value)) {
                if (!outcome_ok(texts_add(arena, &list, (Text){json_string_value(value), json_string_length(value)})))
                        return (Texts){0};
                return list;
        }
        for (size_t i = 0; i < json_array_size(value); i++) {
                const Json *item = json_array_get(value, i);
                if (!json_is_string(item) ||
                    !outcome_ok(texts_add(arena, &list, (Text){json_string_value(item), json_string_length(item)})))
                        return (Texts){0};
        }
        return list;
}

Text json_print(Arena *arena, const Json *value, size_t flags) {
        char *dump = json_dumps(value, flags | JSON_ENCODE_ANY);
        if (!dump)
                return TEXT_NONE;
        Text copy = text_copy(arena, text_of(dump));
        free(dump);
        return copy;
}

JsonOut json_out(Buf *buf) { return (JsonOut){.buf = buf}; }

/* Of eight bytes, is one a control, a quote or a backslash? (Exact but for bytes above such a one.) */
static bool plain_word(const char *at) {
        const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
        uint64_t word;
        memcpy(&word, at, sizeof word);
        uint64_t quote = word ^ ones * '"', slash = word ^ ones * '\\';
        return !(((word - ones * 0x20) | (quote - ones) | (slash - ones)) & ~word & high);
}

static void put_string(Buf *buf, Text t) {
        static const char hex[] = "0123456789abcdef";
        buf_char(buf, '"');
        size_t from = 0;
        for (size_t i = 0; i < t.len; i++) {
                while (i + 8 <= t.len && plain_word(t.at + i))
                        i += 8;
                if (i == t.len)
                        break;
                unsigned char c = (unsigned char)t.at[i];
                if (c >= 0x20 && c != '"' && c != '\\')
                        continue;
                buf_put(buf, t.at + from, i - from);
                from = i + 1;
                if (c == '"' || c == '\\') {
                        buf_put(buf, (char[]){'\\', (char)c}, 2);
                        continue;
                }
                buf_put(buf, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
        }
        buf_put(buf, t.at + from, t.len - from);
        buf_char(buf, '"');
}

static void put_name(JsonOut *out, const char *name) {
        if (out->comma)
                buf_char(out->buf, ',');
        out->comma = true;
        if (!name)
                return;
        put_string(out->buf, text_of(name));
        buf_char(out->buf, ':');
}

void json_open(JsonOut *out, const char *name, char bracket) {
        put_name(out, name);
        buf_char(out->buf, bracket);
        out->comma = false;
}

void json_close(JsonOut *out, char bracket) {
        buf_char(out->buf, bracket);
        out->comma = true;
}

void json_put_text(JsonOut *out, const char *name, Text value) {
        put_name(out, name);
        put_string(out->buf, value);
}

void json_put_str(JsonOut *out, const char *name, const char *value) { json_put_text(out, name, text_of(value)); }

void json_put_int(JsonOut *out, const char *name, int64_t value) {
        put_name(out, name);
        buf_int(out->buf, value);
}

void json_put_bool(JsonOut *out, const char *name, bool value) {
        put_name(out, name);
        buf_str(out->buf, value ? "true" : "false");
}

void json_put_texts(JsonOut *out, const char *name, Texts values) {
        json_open(out, name, '[');
        for (size_t i = 0; i < values.n; i++)
                json_put_text(out, NULL, values.at[i]);
        json_close(out, ']');
}

void json_put_raw(JsonOut *out, const char *name, Text json) {
        put_name(out, name);
        buf_text(out->buf, json);
}

void json_put_text_if(JsonOut *out, const char *name, Text value) {
        if (value.len)
                json_put_text(out, name, value);
}
