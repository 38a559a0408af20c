/* zone_file.c - zone_build(): from the document to the Zone, section after section. */
#include "core/zone_reader.h"
#include "base/url.h"
#include <stdlib.h>

#define ZONE_FILE "zone.yaml"

static Outcome document_fail(ZoneReader *z, Text sentence) {
        z->error = sentence;
        return outcome_malformed("the zone document cannot be used");
}

/* Every name and text is checked once, before anything is read of it. */
static Outcome files_check(ZoneReader *z) {
        const char *name;
        Json *text;
        ENSURE(json_is_object(z->files), document_fail(z, TEXT("files: expected {\"files\": {\"zone.yaml\": \"...\"}}")));
        ENSURE(json_object_size(z->files) <= ZONE_FILES_MAX, document_fail(z, TEXT("files: too many files")));
        json_object_foreach((Json *)z->files, name, text) {
                Text t = text_of(name);
                bool ok = t.len && t.len <= 255 && text_printable(t) && text_find(t, '"') == t.len && text_find(t, '\\') == t.len;
                ENSURE(ok, document_fail(z, TEXT("files: a file name is printable ASCII, at most 255 bytes, without quotes")));
                ENSURE(json_is_string(text), document_fail(z, text_print(z->arena, "%s: expected text", name)));
        }
        return outcome_good();
}

static Outcome root_read(ZoneReader *z) {
        YamlProblem problem;
        Text source = json_text(z->files, ZONE_FILE);
        ENSURE(json_has(z->files, ZONE_FILE), document_fail(z, TEXT("files: there is no zone.yaml")));
        Outcome end = yaml_read(z->arena, source, &z->root, &problem);
        if (outcome_refused(end))
                return document_fail(z, text_print(z->arena, "%.*s:%u: %.*s", TEXT_ARG(z->file), problem.line, TEXT_ARG(problem.what)));
        TRY(end);
        ENSURE(z->root->kind == YAML_MAP, zone_fail(z, z->root, "expected a mapping: zone, users, applications, ..."));
        return zone_section(z, SECTION_ZONE, z->root, TEXT(""));
}

/* The issuer is compared byte for byte by everyone: no query, no fragment, no slash at the end. */
static bool issuer_ok(Text issuer) {
        Url url;
        return outcome_ok(url_parse(issuer, &url)) && url.has_authority && !url.has_query && !url.has_fragment && !text_ends(issuer, TEXT("/"));
}

static Outcome names_read(ZoneReader *z) {
        Zone *zone = z->zone;
        const YamlNode *slug = section_at(z->root, "zone"), *issuer = section_at(z->root, "issuer");
        ENSURE(slug, zone_fail(z, z->root, "needs zone: SLUG"));
        Text wanted = z->context->slug;
        ENSURE(!wanted.len || text_equal(wanted, slug->text), zone_fail(z, slug, "this is the file of zone \"%.*s\", not of \"%.*s\"", TEXT_ARG(slug->text), TEXT_ARG(wanted)));
        zone->slug = slug->text;
        zone->issuer = issuer ? issuer->text : text_copy(z->arena, z->context->issuer);
        zone->version = z->context->version;
        zone->dev = z->context->dev;
        ENSURE(issuer_ok(zone->issuer), zone_fail(z, issuer ? issuer : slug, "issuer: expected a URL without query, fragment and slash at the end"));
        return outcome_good();
}

static Outcome trust_read(ZoneReader *z, const YamlNode *map) {
        Url issuer;
        TRY(zone_section(z, SECTION_TRUST, map, TEXT("trust")));
        const YamlNode *ca = section_at(map, "ca"), *loopback = section_at(map, "loopback_documents");
        z->zone->loopback_documents = section_bool(map, "loopback_documents", false);
        bool local = outcome_ok(url_parse(z->zone->issuer, &issuer)) && url_loopback(&issuer);
        ENSURE(!z->zone->loopback_documents || local, zone_fail(z, loopback, "trust.loopback_documents: only where the zone itself is on loopback"));
        if (!ca)
                return outcome_good();
        TRY(zone_file_used(z, ca, &z->zone->ca));
        bool pem = z->zone->ca.len && strstr(z->zone->ca.at, "-----BEGIN CERTIFICATE-----") && !strstr(z->zone->ca.at, "PRIVATE KEY");
        ENSURE(pem, zone_fail(z, ca, "trust.ca: %.*s holds no certificate, or a private key", TEXT_ARG(ca->text)));
        return outcome_good();
}

static Outcome settings_read(ZoneReader *z, const YamlNode *map) {
        Zone *zone = z->zone;
        TRY(zone_section(z, SECTION_SETTINGS, map, TEXT("settings")));
        zone->idle = section_int(map, "idle_seconds", 3600);
        zone->absolute = section_int(map, "absolute_seconds", 12 * 3600);
        zone->stay_idle = section_int(map, "stay_idle_seconds", 14 * 86400);
        zone->stay_absolute = section_int(map, "stay_absolute_seconds", 30 * 86400);
        zone->tokens_per_minute = section_int(map, "session_tokens_per_minute", 600);
        zone->cimd = section_bool(map, "cimd", true);
        zone->dcr = section_bool(map, "dcr", true);
        ENSURE(zone->idle <= zone->absolute, zone_fail(z, map, "settings: idle_seconds is more than absolute_seconds"));
        ENSURE(zone->stay_idle <= zone->stay_absolute, zone_fail(z, map, "settings: stay_idle_seconds is more than stay_absolute_seconds"));
        return outcome_good();
}

static Outcome defaults_read(ZoneReader *z, const YamlNode *map) {
        Texts known = {0};
        TRY(zone_section(z, SECTION_DEFAULTS, map, TEXT("defaults")));
        const YamlNode *slug = section_at(map, "resource");
        for (size_t i = 0; i < z->zone->n_resources; i++)
                TRY(texts_add(z->arena, &known, z->resources[i].slug));
        z->zone->default_resource = slug ? zone_resource(z->zone, slug->text) : NULL;
        ENSURE(!slug || z->zone->default_resource, zone_fail(z, slug, "defaults.resource: no resource \"%.*s\"%.*s", TEXT_ARG(slug->text),
                                                             TEXT_ARG(zone_nearest(z, slug->text, known))));
        return outcome_good();
}

static Outcome groups_read(ZoneReader *z, const YamlNode *map) {
        z->groups = map;
        PolicyGroup *groups = arena_array(z->arena, PolicyGroup, section_size(map) + 1);
        ENSURE(groups, outcome_fault("memory"));
        for (size_t i = 0; i < section_size(map); i++) {
                const YamlNode *key = map->at[i].key, *list = map->at[i].value;
                Texts parents = {0};
                ENSURE(slug_ok(key->text), zone_fail(z, key, "group \"%.*s\": a slug is a-z, 0-9 and -, at most 63", TEXT_ARG(zone_shown(z, key->text))));
                ENSURE(yaml_null(list) || list->kind == YAML_LIST, zone_fail(z, list, "groups.%.*s: expected a list of groups", TEXT_ARG(key->text)));
                for (size_t k = 0; k < list->n; k++) {
                        const YamlNode *parent = list->at[k].value;
                        ENSURE(parent->kind == YAML_TEXT && yaml_at(map, parent->text.at),
                               zone_fail(z, parent, "groups.%.*s: no group \"%.*s\"", TEXT_ARG(key->text), TEXT_ARG(zone_shown(z, parent->text))));
                        TRY(texts_add(z->arena, &parents, parent->text));
                }
                groups[i] = (PolicyGroup){.slug = key->text, .parents = parents.at, .parent_count = parents.n};
        }
        z->zone->groups = groups;
        z->zone->n_groups = section_size(map);
        return outcome_good();
}

/* --- retired slugs ----------------------------------------------------------------------------------------------- */

static Outcome retire(ZoneReader *z, Texts *list, const char *kind, Text slug) {
        Text name = text_print(z->arena, "%s:%.*s", kind, TEXT_ARG(slug));
        return texts_have(*list, name) ? outcome_good() : texts_add(z->arena, list, name);
}

/* What the previous zone had and this one has not is retired from now on. */
static Outcome retired_gather(ZoneReader *z) {
        const Zone *now = z->zone, *old = z->context->previous;
        Texts *list = &z->zone->retired;
        *list = z->retired;
        for (size_t i = 0; old && i < old->n_users; i++)
                if (!zone_user(now, old->users[i].slug))
                        TRY(retire(z, list, "user", old->users[i].slug));
        for (size_t i = 0; old && i < old->n_applications; i++)
                if (!zone_application(now, old->applications[i].slug))
                        TRY(retire(z, list, "application", old->applications[i].slug));
        for (size_t i = 0; old && i < old->n_resources; i++)
                if (!old->resources[i].anchor && &old->resources[i] != old->management && !zone_resource(now, old->resources[i].slug))
                        TRY(retire(z, list, "resource", old->resources[i].slug));
        for (size_t i = 0; old && i < old->n_providers; i++) {
                bool kept = false;
                for (size_t k = 0; k < now->n_providers; k++)
                        kept |= text_equal(now->providers[k].slug, old->providers[i].slug);
                if (!kept)
                        TRY(retire(z, list, "provider", old->providers[i].slug));
        }
        return outcome_good();
}

static Outcome retired_read(ZoneReader *z, const Json *document) {
        const Zone *old = z->context->previous;
        Texts kept = json_texts(z->arena, document, "retired");
        for (size_t i = 0; i < kept.n; i++)
                TRY(texts_add(z->arena, &z->retired, kept.at[i]));
        for (size_t i = 0; old && i < old->retired.n; i++)
                if (!texts_have(z->retired, old->retired.at[i]))
                        TRY(texts_add(z->arena, &z->retired, text_copy(z->arena, old->retired.at[i])));
        return outcome_good();
}

/* --- the canonical document -------------------------------------------------------------------------------------- */

static int names_order(const void *a, const void *b) { return text_order(*(const Text *)a, *(const Text *)b); }

static Outcome secret_seal(ZoneReader *z, const ZoneSecret *secret, Text *out) {
        const ZoneBuildContext *context = z->context;
        Text raw, sealed;
        *out = secret->bytes;
        if (!context->seal || outcome_ok(zone_secret_read(z->arena, secret->bytes, &raw)))
                return outcome_good();
        Text bytes = secret->bytes;
        while (bytes.len && (bytes.at[bytes.len - 1] == '\n' || bytes.at[bytes.len - 1] == '\r'))
                bytes.len--;
        TRY(context->seal(context->seal_arg, z->arena, z->zone->slug, zone_secret_context(z->arena, z->zone->slug, secret->provider), bytes, &sealed));
        *out = zone_secret_write(z->arena, sealed);
        return outcome_good();
}

static Outcome file_canonical(ZoneReader *z, Text name, const ZoneSecret *secrets, size_t n, Text *out) {
        for (size_t i = 0; i < n; i++)
                if (text_equal(secrets[i].file, name))
                        return secret_seal(z, &secrets[i], out);
        *out = json_text(z->files, name.at);
        return outcome_good();
}

static Outcome canonical_print(ZoneReader *z, const Json *document, Text *out) {
        ZoneSecret *secrets;
        size_t n;
        TRY(zone_secrets(z->arena, document, &secrets, &n));
        TRY(texts_add(z->arena, &z->used, TEXT(ZONE_FILE)));
        qsort(z->used.at, z->used.n, sizeof *z->used.at, names_order);
        if (z->zone->retired.n)
                qsort(z->zone->retired.at, z->zone->retired.n, sizeof *z->zone->retired.at, names_order);
        Buf buf = buf_new(z->arena, 4096);
        JsonOut json = json_out(&buf);
        json_open(&json, NULL, '{');
        json_open(&json, "files", '{');
        for (size_t i = 0; i < z->used.n; i++) {
                Text text;
                TRY(file_canonical(z, z->used.at[i], secrets, n, &text));
                json_put_text(&json, z->used.at[i].at, text);
        }
        json_close(&json, '}');
        if (z->zone->retired.n)
                json_put_texts(&json, "retired", z->zone->retired);
        json_close(&json, '}');
        *out = buf_done(&buf);
        return out->at ? outcome_good() : outcome_fault("memory");
}

/* --- all of it --------------------------------------------------------------------------------------------------- */

static Outcome zone_read(ZoneReader *z, const Json *document) {
        TRY(files_check(z));
        TRY(retired_read(z, document));
        TRY(root_read(z));
        TRY(names_read(z));
        TRY(trust_read(z, section_at(z->root, "trust")));
        TRY(settings_read(z, section_at(z->root, "settings")));
        TRY(groups_read(z, section_at(z->root, "groups")));
        TRY(zone_read_users(z, section_at(z->root, "users")));
        TRY(zone_read_providers(z, section_at(z->root, "providers")));
        TRY(zone_read_application_slugs(z, section_at(z->root, "applications")));
        TRY(zone_read_resources(z, section_at(z->root, "resources")));
        TRY(zone_read_applications(z, section_at(z->root, "applications")));
        TRY(zone_read_anchors(z));
        TRY(defaults_read(z, section_at(z->root, "defaults")));
        TRY(zone_read_documents(z, z->root));
        return retired_gather(z);
}

Outcome zone_build(Arena *arena, Text document, const ZoneBuildContext *context, Zone **out, Text *canonical, Text *error) {
        ZoneReader z = {.arena = arena, .context = context, .file = TEXT(ZONE_FILE), .zone = arena_new_of(arena, Zone)};
        Json *json;
        ENSURE(z.zone, outcome_fault("memory"));
        *error = TEXT("the zone document is no JSON object, or too large");
        ENSURE(document.len <= ZONE_DOCUMENT_MAX, outcome_malformed("the zone document is too large"));
        TRY(json_read_object(arena, document, &json));
        z.files = json_object_get(json, "files");
        Outcome end = zone_read(&z, json);
        if (outcome_ok(end) && canonical) /* before the policies: they are the only thing to release */
                end = canonical_print(&z, json, canonical);
        if (outcome_ok(end))
                end = zone_read_policies(&z);
        *error = z.error;
        TRY(end);
        *out = z.zone;
        return outcome_good();
}
