/* zone_secret.c - which files of a zone document are secrets, and how a sealed one is written. */
#include "core/zone_build.h"
#include "base/yaml.h"

static const YamlNode *child(const YamlNode *map, const char *key) { return map && map->kind == YAML_MAP ? yaml_at(map, key) : NULL; }

Outcome zone_secrets(Arena *arena, const Json *document, ZoneSecret **out, size_t *n) {
        const Json *files = json_object_get(document, "files");
        const YamlNode *root;
        YamlProblem problem;
        *out = NULL;
        *n = 0;
        Outcome end = yaml_read(arena, json_text(files, "zone.yaml"), &root, &problem);
        if (outcome_refused(end))
                return outcome_good(); /* zone_build() says what is wrong with it, and nothing is kept */
        TRY(end);
        const YamlNode *providers = child(root, "providers");
        size_t count = providers && providers->kind == YAML_MAP ? providers->n : 0;
        *out = arena_array(arena, ZoneSecret, count + 1);
        ENSURE(*out, outcome_fault("memory"));
        for (size_t i = 0; i < count; i++) {
                const YamlNode *file = child(providers->at[i].value, "client_secret_file");
                if (file && file->kind == YAML_TEXT && file->text.len)
                        (*out)[(*n)++] = (ZoneSecret){.file = file->text, .provider = providers->at[i].key->text, .bytes = json_text(files, file->text.at)};
        }
        return outcome_good();
}

Text zone_secret_context(Arena *arena, Text zone, Text provider) {
        return text_print(arena, "provider:%.*s:%.*s", TEXT_ARG(zone), TEXT_ARG(provider));
}

Text zone_secret_write(Arena *arena, Text sealed) {
        Buf buf = buf_new(arena, 8 + 2 * sealed.len);
        buf_str(&buf, "sealed:");
        for (size_t i = 0; i < sealed.len; i++)
                buf_print(&buf, "%02x", (unsigned char)sealed.at[i]);
        return buf_done(&buf);
}

static int hex_value(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

Outcome zone_secret_read(Arena *arena, Text file, Text *sealed) {
        ENSURE(text_starts(file, TEXT("sealed:")), outcome_malformed("not sealed"));
        Text hex = text_sub(file, 7, file.len);
        char *bytes = arena_take(arena, hex.len / 2 + 1);
        ENSURE(bytes, outcome_fault("memory"));
        ENSURE(hex.len && hex.len % 2 == 0, outcome_malformed("not sealed"));
        for (size_t i = 0; i < hex.len; i += 2) {
                int high = hex_value(hex.at[i]), low = hex_value(hex.at[i + 1]);
                ENSURE(high >= 0 && low >= 0, outcome_malformed("not sealed"));
                bytes[i / 2] = (char)(high << 4 | low);
        }
        *sealed = (Text){bytes, hex.len / 2};
        return outcome_good();
}
