#include "wire/form.h"
#include "base/buf.h"

static int hex_digit(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        c = (char)(c | 0x20);
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

Outcome percent_decode(Arena *arena, Text source, bool plus_is_space, Text *out) {
        char *to = arena_take(arena, source.len + 1);
        ENSURE(to, outcome_fault("memory"));
        size_t n = 0;
        for (size_t i = 0; i < source.len; i++) {
                char c = source.at[i];
                if (c == '%') {
                        ENSURE(source.len - i > 2, outcome_malformed("cut percent-encoding"));
                        int high = hex_digit(source.at[i + 1]), low = hex_digit(source.at[i + 2]);
                        ENSURE(high >= 0 && low >= 0, outcome_malformed("bad percent-encoding"));
                        c = (char)(high * 16 + low);
                        i += 2;
                } else if (c == '+' && plus_is_space) {
                        c = ' ';
                }
                to[n++] = c;
        }
        *out = (Text){to, n};
        ENSURE(text_utf8(*out), outcome_malformed("not UTF-8"));
        return outcome_good();
}

static Outcome field_read(Arena *arena, Text piece, FormField *out) {
        size_t equals = text_find(piece, '=');
        Text name = text_sub(piece, 0, equals), value = text_sub(piece, equals + 1, piece.len);
        ENSURE(name.len, outcome_malformed("a parameter without a name"));
        ENSURE(name.len <= FORM_NAME_MAX && value.len <= FORM_VALUE_MAX, outcome_malformed("a parameter is too long"));
        TRY(percent_decode(arena, name, true, &out->name));
        return percent_decode(arena, value, true, &out->value);
}

static size_t count_pieces(Text source) {
        size_t n = 1;
        for (size_t i = 0; i < source.len; i++)
                n += source.at[i] == '&';
        return n;
}

Outcome form_read(Arena *arena, Text source, Form *out) {
        *out = (Form){0};
        if (!source.len)
                return outcome_good();
        size_t pieces = count_pieces(source);
        ENSURE(pieces <= 2 * FORM_FIELDS, outcome_malformed("too many parameters"));
        out->at = arena_array(arena, FormField, pieces);
        ENSURE(out->at, outcome_fault("memory"));
        for (Text rest = source; rest.len;) {
                size_t end = text_find(rest, '&');
                Text piece = text_sub(rest, 0, end);
                rest = text_sub(rest, end + 1, rest.len);
                if (!piece.len)
                        continue;
                ENSURE(out->n < FORM_FIELDS, outcome_malformed("too many parameters"));
                TRY(field_read(arena, piece, &out->at[out->n]));
                out->n++;
        }
        return outcome_good();
}

size_t form_count(const Form *form, const char *name) {
        size_t n = 0;
        for (size_t i = 0; i < form->n; i++)
                n += text_is(form->at[i].name, name);
        return n;
}

Text form_get(const Form *form, const char *name) {
        for (size_t i = 0; i < form->n; i++)
                if (text_is(form->at[i].name, name))
                        return form->at[i].value;
        return TEXT_NONE;
}

/* OAuth 2.1 3.2: "Request and response parameters MUST NOT be included more than once." */
Outcome form_once(const Form *form, const char *name, Text *out) {
        ENSURE(form_count(form, name) <= 1, outcome_malformed("a parameter is repeated"));
        *out = form_get(form, name);
        return outcome_good();
}

Texts form_all(Arena *arena, const Form *form, const char *name) {
        size_t n = form_count(form, name);
        Texts list = {n ? arena_array(arena, Text, n) : NULL, 0};
        if (!list.at)
                return list;
        for (size_t i = 0; i < form->n; i++)
                if (text_is(form->at[i].name, name))
                        list.at[list.n++] = form->at[i].value;
        return list;
}

static bool listed(Text name, const char *const list[]) {
        for (size_t i = 0; list && list[i]; i++)
                if (text_is(name, list[i]))
                        return true;
        return false;
}

const char *form_repeats(const Form *form, const char *const may_repeat[]) {
        for (size_t i = 0; i < form->n; i++)
                for (size_t j = 0; j < i; j++)
                        if (text_equal(form->at[i].name, form->at[j].name) && !listed(form->at[i].name, may_repeat))
                                return form->at[i].name.at; /* decoded copies end with NUL */
        return NULL;
}

Outcome form_add(Arena *arena, Form *form, const char *name, Text value) {
        ENSURE(form->n < FORM_FIELDS, outcome_malformed("too many parameters"));
        if (!form->n) {
                form->at = arena_array(arena, FormField, FORM_FIELDS);
                ENSURE(form->at, outcome_fault("memory"));
        }
        form->at[form->n++] = (FormField){text_of(name), value};
        return outcome_good();
}

static void encode(Buf *buf, Text t) {
        static const char digits[] = "0123456789ABCDEF";
        for (size_t i = 0; i < t.len; i++) {
                unsigned char c = (unsigned char)t.at[i];
                bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '.' ||
                             c == '_' || c == '*';
                if (plain)
                        buf_char(buf, (char)c);
                else if (c == ' ')
                        buf_char(buf, '+');
                else
                        buf_put(buf, (char[]){'%', digits[c >> 4], digits[c & 15]}, 3);
        }
}

Text form_write(Arena *arena, const Form *form) {
        Buf buf = buf_new(arena, 256);
        for (size_t i = 0; i < form->n; i++) {
                if (i)
                        buf_char(&buf, '&');
                encode(&buf, form->at[i].name);
                buf_char(&buf, '=');
                encode(&buf, form->at[i].value);
        }
        return buf_done(&buf);
}
