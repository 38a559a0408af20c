#include "base/jsonscan.h"

JsonScan json_scan(Text source) {
        bool object = source.len && source.at[0] == '{', array = source.len && source.at[0] == '[';
        return (JsonScan){.rest = text_sub(source, 1, source.len), .end = object ? '}' : ']', .broken = !object && !array};
}

static bool take(JsonScan *scan, char c) {
        if (!scan->rest.len || scan->rest.at[0] != c)
                return false;
        scan->rest = text_sub(scan->rest, 1, scan->rest.len);
        return true;
}

/* Length of a string with its quotes; 0 when it has an escape or does not end. */
static size_t string_length(Text t) {
        size_t n = text_find(text_sub(t, 1, t.len), '"') + 1;
        return n < t.len && text_find((Text){t.at, n}, '\\') == n ? n + 1 : 0;
}

static size_t nested_length(Text t) {
        int depth = 0;
        for (size_t i = 0; i < t.len; i++) {
                char c = t.at[i];
                if (c == '"') {
                        size_t n = string_length(text_sub(t, i, t.len));
                        if (!n)
                                return 0;
                        i += n - 1;
                } else if (c == '{' || c == '[')
                        depth++;
                else if ((c == '}' || c == ']') && --depth == 0)
                        return i + 1;
        }
        return 0;
}

static size_t word_length(Text t) {
        size_t n = 0;
        while (n < t.len && ((t.at[n] >= '0' && t.at[n] <= '9') || (t.at[n] >= 'a' && t.at[n] <= 'z') || t.at[n] == '-'))
                n++;
        return n;
}

static bool take_value(JsonScan *scan, Text *value) {
        Text t = scan->rest;
        char c = t.len ? t.at[0] : 0;
        size_t n = c == '"' ? string_length(t) : c == '{' || c == '[' ? nested_length(t) : word_length(t);
        *value = text_sub(t, 0, n);
        scan->rest = text_sub(t, n, t.len);
        return n != 0;
}

static bool take_name(JsonScan *scan, Text *name) {
        Text quoted;
        *name = TEXT_NONE;
        if (scan->end == ']')
                return true;
        return scan->rest.len && scan->rest.at[0] == '"' && take_value(scan, &quoted) && json_scan_string(quoted, name) && take(scan, ':');
}

bool json_scan_next(JsonScan *scan, Text *name, Text *value) {
        if (scan->broken || scan->closed)
                return false;
        if (take(scan, scan->end)) {
                scan->closed = true;
                return false;
        }
        scan->broken = (scan->begun && !take(scan, ',')) || !take_name(scan, name) || !take_value(scan, value);
        scan->begun = true;
        return !scan->broken;
}

bool json_scan_done(const JsonScan *scan) { return scan->closed && !scan->broken && !scan->rest.len; }

bool json_scan_string(Text value, Text *out) {
        bool quoted = value.len >= 2 && value.at[0] == '"';
        *out = quoted ? text_sub(value, 1, value.len - 1) : TEXT_NONE;
        return quoted;
}

bool json_scan_texts(Arena *arena, Text value, Texts *out) {
        JsonScan scan = json_scan(value);
        Text name, item, text;
        *out = (Texts){0};
        while (scan.end == ']' && json_scan_next(&scan, &name, &item))
                if (!json_scan_string(item, &text) || !outcome_ok(texts_add(arena, out, text)))
                        return false;
        return scan.end == ']' && json_scan_done(&scan);
}
