#include "main/config.h"
#include "base/yaml.h"
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define CONFIG_BYTES 65536

typedef enum KeyType { KEY_TEXT, KEY_LIST, KEY_INT, KEY_BOOL } KeyType;

typedef struct Key {
        const char *name, *flag, *otherwise, *help;
        KeyType type;
        size_t offset;
} Key;

static const Key keys[] = {
#define CONFIG(key, flag, type, otherwise, help) {#key, flag, otherwise, help, KEY_##type, offsetof(Config, key)},
#include "main/config.def"
#undef CONFIG
};

/* "WHERE: what is wrong", on the arena. */
static Outcome refuse_line(Arena *arena, const char *where, const char *what) {
        Text line = text_print(arena, "%s: %s", where, what);
        return outcome_malformed(line.at ? line.at : "bad configuration");
}

static Outcome bool_read(Text t, bool *out) {
        *out = text_is(t, "true") || text_is(t, "yes") || text_is(t, "on");
        ENSURE(*out || text_is(t, "false") || text_is(t, "no") || text_is(t, "off"), outcome_malformed("not true or false"));
        return outcome_good();
}

static Outcome list_read(Arena *arena, Text t, Texts *out) {
        *out = (Texts){0};
        while (t.len) {
                size_t n = text_find(t, ',');
                Text item = text_trim(text_sub(t, 0, n));
                if (item.len)
                        TRY(texts_add(arena, out, item));
                t = text_sub(t, n + 1, t.len);
        }
        return outcome_good();
}

static Outcome key_set(Arena *arena, const Key *key, Text value, Config *config) {
        void *at = (char *)config + key->offset;
        switch (key->type) {
        case KEY_TEXT:
                *(Text *)at = text_copy(arena, value);
                return outcome_good();
        case KEY_LIST:
                return list_read(arena, text_copy(arena, value), at);
        case KEY_INT:
                return text_int(value, at);
        default:
                return bool_read(value, at);
        }
}

static const Key *key_named(Text name, bool flag) {
        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
                if (text_is(name, flag ? keys[i].flag : keys[i].name))
                        return &keys[i];
        return NULL;
}

/* --- the file --------------------------------------------------------------------------------------------------- */

static Outcome file_read(Arena *arena, const char *path, Text *out) {
        FILE *file = fopen(path, "re");
        if (!file)
                return refuse_line(arena, path, strerror(errno));
        char *bytes = arena_take(arena, CONFIG_BYTES + 1);
        size_t n = bytes ? fread(bytes, 1, CONFIG_BYTES, file) : 0;
        fclose(file);
        ENSURE(bytes, outcome_fault("memory"));
        *out = (Text){bytes, n};
        return outcome_good();
}

static Outcome pair_set(Arena *arena, const char *path, const YamlPair *pair, Config *config) {
        const Key *key = key_named(pair->key->text, false);
        Text where = text_print(arena, "%s:%u", path, pair->key->line);
        ENSURE(key, refuse_line(arena, where.at, text_print(arena, "unknown key \"%.*s\"", TEXT_ARG(pair->key->text)).at));
        if (pair->value->kind == YAML_LIST && key->type == KEY_LIST) {
                for (size_t i = 0; i < pair->value->n; i++)
                        TRY(texts_add(arena, (Texts *)(void *)((char *)config + key->offset), pair->value->at[i].value->text));
                return outcome_good();
        }
        ENSURE(pair->value->kind == YAML_TEXT && outcome_ok(key_set(arena, key, pair->value->text, config)),
               refuse_line(arena, where.at, text_print(arena, "the value of %s cannot be used", key->name).at));
        return outcome_good();
}

static Outcome config_file(Arena *arena, const char *path, Config *config) {
        Text source;
        const YamlNode *root;
        YamlProblem problem = {0};
        TRY(file_read(arena, path, &source));
        Outcome end = yaml_read(arena, source, &root, &problem);
        if (outcome_refused(end))
                return refuse_line(arena, text_print(arena, "%s:%u", path, problem.line).at, text_copy(arena, problem.what).at);
        TRY(end);
        ENSURE(root->kind == YAML_MAP, refuse_line(arena, path, "not a mapping of keys"));
        for (size_t i = 0; i < root->n; i++)
                TRY(pair_set(arena, path, &root->at[i], config));
        return outcome_good();
}

/* --- the command line --------------------------------------------------------------------------------------------- */

static void help(void) {
        puts("carnetd - a Carnet zone server: delegated auth for multi-agent apps\n\n"
             "usage: carnetd [--config carnet.yaml] [--KEY VALUE | --KEY=VALUE]…\n\n"
             "example: carnetd --state ./state --listen 127.0.0.1:8080\n\nkeys of carnet.yaml, and as flags:");
        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
                printf("  --%-18s %s%s%s%s\n", keys[i].flag, keys[i].help, keys[i].otherwise[0] ? " (" : "", keys[i].otherwise,
                       keys[i].otherwise[0] ? ")" : "");
}

static Outcome flag_set(Arena *arena, int argc, char **argv, int *at, Config *config) {
        Text arg = text_of(argv[*at]);
        size_t equals = text_find(arg, '=');
        ENSURE(text_starts(arg, TEXT("--")), refuse_line(arena, argv[*at], "options begin with --; try --help"));
        const Key *key = key_named(text_sub(arg, 2, equals), true);
        ENSURE(key, refuse_line(arena, argv[*at], "no such option; try --help"));
        Text value = text_sub(arg, equals + 1, arg.len);
        if (equals == arg.len) {
                if (key->type == KEY_BOOL)
                        value = TEXT("true");
                else {
                        ENSURE(*at + 1 < argc, refuse_line(arena, argv[*at], "needs a value"));
                        value = text_of(argv[++*at]);
                }
        }
        ENSURE(outcome_ok(key_set(arena, key, value, config)), refuse_line(arena, key->flag, "the value cannot be used"));
        return outcome_good();
}

/* "http://localhost:8080" of "127.0.0.1:8080": a name that browsers and published clients accept for loopback. */
static Text url_of(Arena *arena, const Config *config) {
        size_t colon = config->listen.len;
        while (colon > 0 && config->listen.at[colon - 1] != ':')
                colon--;
        return text_print(arena, "%s://localhost:%.*s", config->tls_certificate.len ? "https" : "http",
                          TEXT_ARG(text_sub(config->listen, colon, config->listen.len)));
}

static Outcome config_check(Arena *arena, Config *config) {
        ENSURE(config->loops >= 1 && config->loops <= 64, outcome_malformed("loops is 1 to 64"));
        ENSURE(!config->tls_certificate.len == !config->tls_key.len, outcome_malformed("tls_certificate and tls_key come together"));
        if (!config->public_url.len)
                config->public_url = url_of(arena, config);
        ENSURE(config->public_url.at[config->public_url.len - 1] != '/', outcome_malformed("public_url has no trailing slash"));
        return outcome_good();
}

Outcome config_read(Arena *arena, int argc, char **argv, Config *out, bool *exit_now) {
        *out = (Config){0};
        *exit_now = false;
        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
                TRY(key_set(arena, &keys[i], text_of(keys[i].otherwise), out));
        for (int i = 1; i < argc; i++) {
                *exit_now |= strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--version") == 0;
                if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
                        TRY(config_file(arena, argv[++i], out));
        }
        if (*exit_now) {
                help();
                return outcome_good();
        }
        for (int i = 1; i < argc; i++) {
                if (strcmp(argv[i], "--config") == 0)
                        i++;
                else
                        TRY(flag_set(arena, argc, argv, &i, out));
        }
        return config_check(arena, out);
}
