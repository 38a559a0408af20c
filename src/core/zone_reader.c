#include "core/zone_reader.h"
#include "base/url.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX ((size_t)2048)
#define NAME_MAX_BYTES ((size_t)255)
#define YEAR ((int64_t)366 * 86400)

typedef enum Shape {
        SHAPE_ANY, SHAPE_MAP, SHAPE_SLUG, SHAPE_NAME, SHAPE_IDENTIFIER, SHAPE_WORD, SHAPE_BOOL, SHAPE_COUNT, SHAPE_SECONDS, SHAPE_URI,
        SHAPE_ENDPOINT, SHAPE_FILE, SHAPE_FILES, SHAPE_SLUGS, SHAPE_WORDS, SHAPE_REDIRECTS, SHAPE_UIDS,
} Shape;

typedef struct Key {
        Section section;
        const char *name;
        Shape shape;
        const char *words;
} Key;

static const Key keys[] = {
#define KEY(section, name, shape, words, meaning) {SECTION_##section, #name, SHAPE_##shape, words},
#include "core/zone_keys.def"
#undef KEY
};

Outcome zone_fail(ZoneReader *z, const YamlNode *at, const char *fmt, ...) {
        char line[1024];
        va_list args;
        va_start(args, fmt);
        vsnprintf(line, sizeof line, fmt, args);
        va_end(args);
        z->error = at ? text_print(z->arena, "%.*s:%u: %s", TEXT_ARG(z->file), at->line, line)
                      : text_print(z->arena, "%.*s: %s", TEXT_ARG(z->file), line);
        return outcome_malformed(z->error.at ? z->error.at : "memory");
}

Text zone_shown(ZoneReader *z, Text t) {
        bool cut = t.len > 64;
        Text shown = text_copy(z->arena, text_sub(t, 0, 64));
        for (size_t i = 0; i < shown.len; i++)
                if ((unsigned char)shown.at[i] < 0x20 || (unsigned char)shown.at[i] > 0x7e || shown.at[i] == '"')
                        ((char *)shown.at)[i] = '?';
        return cut ? text_print(z->arena, "%.*s...", TEXT_ARG(shown)) : shown;
}

/* Levenshtein's distance, over short words only. */
static size_t word_distance(Text a, Text b) {
        size_t row[64 + 1];
        if (a.len > 64 || b.len > 64)
                return 64;
        for (size_t j = 0; j <= b.len; j++)
                row[j] = j;
        for (size_t i = 1; i <= a.len; i++) {
                size_t corner = row[0];
                row[0] = i;
                for (size_t j = 1; j <= b.len; j++) {
                        size_t swap = corner + (a.at[i - 1] != b.at[j - 1]), drop = row[j] + 1, add = row[j - 1] + 1;
                        corner = row[j];
                        row[j] = swap < drop ? (swap < add ? swap : add) : (drop < add ? drop : add);
                }
        }
        return row[b.len];
}

Text zone_nearest(ZoneReader *z, Text word, Texts known) {
        size_t best = 0, least = SIZE_MAX;
        for (size_t i = 0; i < known.n; i++) {
                size_t distance = word_distance(word, known.at[i]);
                if (distance < least) {
                        least = distance;
                        best = i;
                }
        }
        if (least == SIZE_MAX || least > 1 + word.len / 3)
                return TEXT("");
        return text_print(z->arena, "; did you mean \"%.*s\"?", TEXT_ARG(known.at[best]));
}

bool slug_ok(Text slug) {
        if (!slug.len || slug.len > 63 || slug.at[0] == '-')
                return false;
        for (size_t i = 0; i < slug.len; i++) {
                char c = slug.at[i];
                if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
                        return false;
        }
        return true;
}

/* --- shapes ------------------------------------------------------------------------------------------------------ */

typedef struct Check {
        ZoneReader *z;
        const Key *key;
        Text path; /* "resources.churn" */
} Check;

static Outcome shape_fail(const Check *c, const YamlNode *node, const char *wanted) {
        const char *dot = c->path.len ? "." : "";
        if (node->kind != YAML_TEXT)
                return zone_fail(c->z, node, "%.*s%s%s: expected %s, not a %s", TEXT_ARG(c->path), dot, c->key->name, wanted,
                                 node->kind == YAML_MAP ? "mapping" : "list");
        return zone_fail(c->z, node, "%.*s%s%s: expected %s, not \"%.*s\"", TEXT_ARG(c->path), dot, c->key->name, wanted,
                         TEXT_ARG(zone_shown(c->z, node->text)));
}

/* No control characters (C0, DEL, C1) and none that turn the direction of text: a page shows it. */
static bool name_ok(Text t) {
        for (size_t i = 0; i < t.len; i++) {
                unsigned char c = (unsigned char)t.at[i], d = i + 1 < t.len ? (unsigned char)t.at[i + 1] : 0, e = i + 2 < t.len ? (unsigned char)t.at[i + 2] : 0;
                if (c < 0x20 || c == 0x7f || (c == 0xc2 && d < 0xa0))
                        return false;
                if (c == 0xe2 && ((d == 0x80 && ((e >= 0x8b && e <= 0x8f) || (e >= 0xa8 && e <= 0xae))) || (d == 0x81 && e >= 0xa6 && e <= 0xa9)))
                        return false;
        }
        return t.len > 0 && t.len <= NAME_MAX_BYTES;
}

static bool identifier_ok(Text t) { return t.len && t.len <= TEXT_MAX && text_printable(t) && text_find(t, ' ') == t.len; }

/* RFC 6749 3.3 scope-token */
static bool word_ok(Text t) { return identifier_ok(t) && t.len <= 255 && text_find(t, '"') == t.len && text_find(t, '\\') == t.len; }

static bool uri_ok(Text t) {
        Url url;
        return t.len <= TEXT_MAX && outcome_ok(url_parse(t, &url)) && !url.has_fragment && !url.has_userinfo; /* RFC 8707 2: no fragment */
}

static bool endpoint_ok(Text t) {
        Url url;
        if (!uri_ok(t) || !outcome_ok(url_parse(t, &url)) || !url.has_authority || !url.host.len)
                return false;
        return text_equal_nocase(url.scheme, TEXT("https")) || (text_equal_nocase(url.scheme, TEXT("http")) && url_loopback(&url));
}

/* A redirect URI that brings an answer's parameters along could pass for an answer of ours. */
static bool redirect_query_ok(Text query) {
        static const char *const ours[] = {"code", "state", "iss", "error", "error_description", "error_uri", "response"};
        for (size_t from = 0; from <= query.len;) {
                Text rest = text_sub(query, from, query.len), pair = text_sub(rest, 0, text_find(rest, '&'));
                Text name = text_sub(pair, 0, text_find(pair, '='));
                if (text_find(name, '%') < name.len)
                        return false;
                for (size_t i = 0; i < ARRAY_LEN(ours); i++)
                        if (text_is(name, ours[i]))
                                return false;
                from += pair.len + 1;
        }
        return true;
}

static bool redirect_ok(Text t) {
        Url url;
        if (!uri_ok(t) || !outcome_ok(url_parse(t, &url)) || url_dot_segments(url.path) || (url.has_query && !redirect_query_ok(url.query)))
                return false;
        if (text_equal_nocase(url.scheme, TEXT("https")))
                return url.has_authority && url.host.len;
        if (text_equal_nocase(url.scheme, TEXT("http")))
                return url.has_authority && url_loopback(&url);
        return text_find(url.scheme, '.') < url.scheme.len; /* RFC 8252 7.1: private-use schemes are reverse domain names */
}

static bool number_ok(const YamlNode *node, int64_t least, int64_t most) {
        int64_t n;
        return node->kind == YAML_TEXT && !node->quoted && outcome_ok(text_int(node->text, &n)) && n >= least && n <= most;
}

static bool uid_ok(Text t) {
        int64_t n;
        return outcome_ok(text_int(t, &n)) && n >= 0 && n < UINT32_MAX;
}

static Outcome check_list(const Check *c, const YamlNode *node, bool (*ok)(Text), size_t most, const char *wanted, const char *each) {
        ENSURE(node->kind == YAML_LIST, shape_fail(c, node, wanted));
        ENSURE(node->n <= most, zone_fail(c->z, node, "%.*s%s%s: at most %zu", TEXT_ARG(c->path), c->path.len ? "." : "", c->key->name, most));
        for (size_t i = 0; i < node->n; i++) {
                const YamlNode *item = node->at[i].value;
                ENSURE(item->kind == YAML_TEXT && ok(item->text), shape_fail(c, item, each));
                for (size_t k = 0; k < i; k++)
                        ENSURE(!text_equal(node->at[k].value->text, item->text),
                               zone_fail(c->z, item, "%.*s%s%s: \"%.*s\" stands there twice", TEXT_ARG(c->path), c->path.len ? "." : "",
                                         c->key->name, TEXT_ARG(zone_shown(c->z, item->text))));
        }
        return outcome_good();
}

static Outcome check_word(const Check *c, const YamlNode *node) {
        Texts words = texts_words(c->z->arena, text_of(c->key->words));
        bool known = node->kind == YAML_TEXT && texts_have(words, node->text);
        Text wanted = text_print(c->z->arena, "one of %.*s", TEXT_ARG(texts_join(c->z->arena, words, ", ")));
        return known ? outcome_good() : shape_fail(c, node, wanted.at);
}

static Outcome check_text(const Check *c, const YamlNode *node, bool (*ok)(Text), const char *wanted) {
        return node->kind == YAML_TEXT && ok(node->text) ? outcome_good() : shape_fail(c, node, wanted);
}

static bool bool_ok(const YamlNode *node) {
        return node->kind == YAML_TEXT && !node->quoted && (text_is(node->text, "true") || text_is(node->text, "false"));
}

static bool filename_ok(Text t) { return word_ok(t) && text_find(t, '\'') == t.len; }

static Outcome check_value(const Check *c, const YamlNode *node) {
        switch (c->key->shape) {
        case SHAPE_ANY:
                return outcome_good();
        case SHAPE_MAP:
                return node->kind == YAML_MAP ? outcome_good() : shape_fail(c, node, "a mapping");
        case SHAPE_SLUG:
                return check_text(c, node, slug_ok, "a slug (a-z, 0-9 and -, at most 63)");
        case SHAPE_NAME:
                return check_text(c, node, name_ok, "a name of at most 255 bytes without control characters");
        case SHAPE_IDENTIFIER:
                return check_text(c, node, identifier_ok, "printable ASCII without spaces");
        case SHAPE_WORD:
                return check_word(c, node);
        case SHAPE_BOOL:
                return bool_ok(node) ? outcome_good() : shape_fail(c, node, "true or false");
        case SHAPE_COUNT:
                return number_ok(node, 1, 1000000000) ? outcome_good() : shape_fail(c, node, "a number from 1");
        case SHAPE_SECONDS:
                return number_ok(node, 1, YEAR) ? outcome_good() : shape_fail(c, node, "seconds, from 1 to a year");
        case SHAPE_URI:
                return check_text(c, node, uri_ok, "an absolute URI without fragment");
        case SHAPE_ENDPOINT:
                return check_text(c, node, endpoint_ok, "an https URL (http on loopback only)");
        case SHAPE_FILE:
                return check_text(c, node, filename_ok, "a file name");
        case SHAPE_FILES:
                return check_list(c, node, filename_ok, ZONE_FILES_MAX, "a list of files", "a file name");
        case SHAPE_SLUGS:
                return check_list(c, node, slug_ok, 256, "a list of slugs", "a slug (a-z, 0-9 and -, at most 63)");
        case SHAPE_WORDS:
                return check_list(c, node, word_ok, 256, "a list of scopes", "a scope (RFC 6749 3.3)");
        case SHAPE_REDIRECTS:
                return check_list(c, node, redirect_ok, 32, "a list of redirect URIs", "an https, loopback or private-use redirect URI");
        case SHAPE_UIDS:
                return check_list(c, node, uid_ok, 8, "a list of user ids", "a user id");
        }
        return outcome_fault("a shape that nobody checks");
}

/* --- sections ---------------------------------------------------------------------------------------------------- */

static const Key *key_find(Section section, Text name) {
        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
                if (keys[i].section == section && text_is(name, keys[i].name))
                        return &keys[i];
        return NULL;
}

static Outcome key_unknown(ZoneReader *z, Section section, const YamlNode *key, Text path) {
        Texts known = {0};
        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
                if (keys[i].section == section)
                        TRY(texts_add(z->arena, &known, text_of(keys[i].name)));
        Text under = path.len ? text_print(z->arena, " under %.*s", TEXT_ARG(path)) : TEXT("");
        return zone_fail(z, key, "unknown key \"%.*s\"%.*s%.*s", TEXT_ARG(zone_shown(z, key->text)), TEXT_ARG(under),
                         TEXT_ARG(zone_nearest(z, key->text, known)));
}

Outcome zone_section(ZoneReader *z, Section section, const YamlNode *map, Text path) {
        if (!map || yaml_null(map))
                return outcome_good();
        ENSURE(map->kind == YAML_MAP, zone_fail(z, map, "%.*s: expected a mapping", TEXT_ARG(path)));
        for (size_t i = 0; i < map->n; i++) {
                const YamlNode *key = map->at[i].key, *value = map->at[i].value;
                const Check check = {z, key_find(section, key->text), path};
                ENSURE(check.key, key_unknown(z, section, key, path));
                if (yaml_null(value) && check.key->shape != SHAPE_MAP)
                        return zone_fail(z, key, "%.*s%s%.*s: has no value", TEXT_ARG(path), path.len ? "." : "", TEXT_ARG(key->text));
                if (!yaml_null(value))
                        TRY(check_value(&check, value));
        }
        return outcome_good();
}

Outcome zone_file_used(ZoneReader *z, const YamlNode *name, Text *content) {
        const Json *text = json_object_get(z->files, name->text.at);
        Texts known = {0};
        const char *file;
        Json *value;
        json_object_foreach((Json *)z->files, file, value)
                TRY(texts_add(z->arena, &known, text_of(file)));
        ENSURE(text, zone_fail(z, name, "there is no file \"%.*s\"%.*s", TEXT_ARG(zone_shown(z, name->text)),
                               TEXT_ARG(zone_nearest(z, name->text, known))));
        *content = json_text(z->files, name->text.at);
        bool taken = texts_have(z->used, name->text) || text_equal(name->text, z->file);
        ENSURE(!taken, zone_fail(z, name, "the file \"%.*s\" has another use already", TEXT_ARG(name->text)));
        return texts_add(z->arena, &z->used, name->text);
}

Outcome zone_groups(ZoneReader *z, const YamlNode *map, Text path, Texts *out) {
        const YamlNode *list = section_at(map, "groups");
        TRY(section_texts(z, map, "groups", out));
        Texts known = {0};
        for (size_t i = 0; z->groups && i < z->groups->n; i++)
                TRY(texts_add(z->arena, &known, z->groups->at[i].key->text));
        for (size_t i = 0; z->groups && i < out->n; i++)
                ENSURE(texts_have(known, out->at[i]), zone_fail(z, list->at[i].value, "%.*s.groups: no group \"%.*s\"%.*s", TEXT_ARG(path),
                                                                TEXT_ARG(out->at[i]), TEXT_ARG(zone_nearest(z, out->at[i], known))));
        return outcome_good();
}

const YamlNode *section_at(const YamlNode *map, const char *key) {
        const YamlNode *node = map ? yaml_at(map, key) : NULL;
        return node && !yaml_null(node) ? node : NULL;
}

Text section_text(const YamlNode *map, const char *key, Text otherwise) {
        const YamlNode *node = section_at(map, key);
        return node ? node->text : otherwise;
}

bool section_bool(const YamlNode *map, const char *key, bool otherwise) {
        const YamlNode *node = section_at(map, key);
        return node ? text_is(node->text, "true") : otherwise;
}

int64_t section_int(const YamlNode *map, const char *key, int64_t otherwise) {
        const YamlNode *node = section_at(map, key);
        int64_t n = otherwise;
        return node && outcome_ok(text_int(node->text, &n)) ? n : otherwise;
}

Outcome section_texts(ZoneReader *z, const YamlNode *map, const char *key, Texts *out) {
        const YamlNode *list = section_at(map, key);
        *out = (Texts){0};
        for (size_t i = 0; list && i < list->n; i++)
                TRY(texts_add(z->arena, out, list->at[i].value->text));
        return outcome_good();
}

size_t section_size(const YamlNode *map) { return map ? map->n : 0; }
