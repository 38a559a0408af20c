#include "wire/header.h"

static Text before(Text t, char c) { return text_trim(text_sub(t, 0, text_find(t, c))); }

/* Takes the next comma-separated element. Quoted commas do not occur in the fields read here; one that does reads as a "no". */
static bool next_element(Text *rest, Text *element) {
        while (rest->len) {
                size_t end = text_find(*rest, ',');
                *element = text_trim(text_sub(*rest, 0, end));
                *rest = text_sub(*rest, end + 1, rest->len);
                if (element->len)
                        return true;
        }
        return false;
}

bool media_type_is(Text value, const char *type) { return type[0] && text_equal_nocase(before(value, ';'), text_of(type)); }

bool media_type_json(Text value) {
        Text type = before(value, ';');
        return text_equal_nocase(type, TEXT("application/json")) ||
               (type.len > 17 && text_equal_nocase(text_sub(type, 0, 12), TEXT("application/")) &&
                text_equal_nocase(text_sub(type, type.len - 5, type.len), TEXT("+json")));
}

/* q=0, q=0.0, q=0.00, q=0.000 mean "not this" (RFC 9110 12.4.2). */
static bool refused_by_weight(Text parameters) {
        while (parameters.len) {
                Text one = before(parameters, ';');
                parameters = text_sub(parameters, text_find(parameters, ';') + 1, parameters.len);
                if (one.len < 3 || (one.at[0] | 0x20) != 'q' || one.at[1] != '=')
                        continue;
                for (size_t i = 2; i < one.len; i++)
                        if (one.at[i] != '0' && one.at[i] != '.')
                                return false;
                return true;
        }
        return false;
}

static int range_rank(Text range, Text type) {
        if (text_equal_nocase(range, type))
                return 3;
        size_t slash = text_find(type, '/') + 1;
        if (range.len == slash + 1 && range.at[slash] == '*' && text_equal_nocase(text_sub(range, 0, slash), text_sub(type, 0, slash)))
                return 2;
        return text_is(range, "*/*") ? 1 : 0;
}

/* The most specific range decides (RFC 9110 12.5.1). */
bool header_accepts(Text accept, const char *type) {
        if (!accept.at)
                return true;
        int best = 0;
        bool yes = false;
        Text element;
        while (next_element(&accept, &element)) {
                int rank = range_rank(before(element, ';'), text_of(type));
                if (rank <= best)
                        continue;
                best = rank;
                yes = !refused_by_weight(text_sub(element, text_find(element, ';') + 1, element.len));
        }
        return yes;
}

bool header_list_has(Text value, const char *word) {
        Text element;
        while (next_element(&value, &element))
                if (text_equal_nocase(element, text_of(word)))
                        return true;
        return false;
}

bool header_value_ok(Text value) {
        for (size_t i = 0; i < value.len; i++) {
                unsigned char c = (unsigned char)value.at[i];
                if ((c < 0x20 && c != '\t') || c == 0x7f)
                        return false;
        }
        return true;
}

#define DAY 86400

int64_t cache_max_age(Text cache_control) {
        int64_t age = -1;
        Text element;
        while (next_element(&cache_control, &element)) {
                if (text_equal_nocase(element, TEXT("no-store")) || text_equal_nocase(element, TEXT("no-cache")))
                        return 0;
                if (!text_equal_nocase(text_sub(element, 0, 8), TEXT("max-age=")))
                        continue;
                if (!outcome_ok(text_int(text_sub(element, 8, element.len), &age)) || age < 0)
                        age = 0;
        }
        return age > DAY ? DAY : age;
}

static bool hex_not_zero(Text t) {
        bool some = false;
        for (size_t i = 0; i < t.len; i++) {
                char c = t.at[i];
                if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
                        return false;
                some |= c != '0';
        }
        return some;
}

/* https://www.w3.org/TR/trace-context/#traceparent-header: version 00 has exactly these fields; ff is forbidden; later versions may
 * go on after a dash. */
bool traceparent_ok(Text v) {
        if (v.len < 55 || v.at[2] != '-' || v.at[35] != '-' || v.at[52] != '-')
                return false;
        Text version = text_sub(v, 0, 2), flags = text_sub(v, 53, 55);
        bool first = text_is(version, "00");
        if ((!first && !hex_not_zero(version)) || text_is(version, "ff") || (!text_is(flags, "00") && !hex_not_zero(flags)))
                return false;
        if (v.len > 55 && (first || v.at[55] != '-'))
                return false;
        return hex_not_zero(text_sub(v, 3, 35)) && hex_not_zero(text_sub(v, 36, 52));
}

Text traceparent_trace(Text value) { return traceparent_ok(value) ? text_sub(value, 3, 35) : TEXT_NONE; }
