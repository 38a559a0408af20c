#include "wire/cookie.h"
#include <stdio.h>

/* RFC 6265 4.1.1 cookie-octet */
static bool octets_ok(Text t) {
        for (size_t i = 0; i < t.len; i++)
                if (t.at[i] <= 0x20 || t.at[i] >= 0x7f || strchr("\",;\\", t.at[i]))
                        return false;
        return true;
}

Text cookie_read(Text field, const char *name) {
        Text found = TEXT_NONE;
        for (Text rest = field; rest.len;) {
                size_t end = text_find(rest, ';');
                Text pair = text_trim(text_sub(rest, 0, end));
                rest = text_sub(rest, end + 1, rest.len);
                size_t equals = text_find(pair, '=');
                if (equals == pair.len || !text_is(text_sub(pair, 0, equals), name))
                        continue;
                if (found.at)
                        return TEXT_NONE;
                found = text_sub(pair, equals + 1, pair.len);
        }
        return octets_ok(found) ? found : TEXT_NONE;
}

Text cookie_write(Arena *arena, const char *name, Text value, Text path, int max_age_seconds, bool secure) {
        if (!octets_ok(value) || !octets_ok(path) || !path.len)
                return TEXT_NONE;
        char age[32] = "";
        if (max_age_seconds >= 0)
                snprintf(age, sizeof age, "; Max-Age=%d", max_age_seconds);
        return text_print(arena, "%s=%.*s; Path=%.*s%s; HttpOnly; SameSite=Lax%s", name, TEXT_ARG(value), TEXT_ARG(path), age,
                          secure ? "; Secure" : "");
}
