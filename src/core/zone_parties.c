/* zone_parties.c - users, applications and providers of a zone file. */
#include "core/zone_reader.h"
#include "base/url.h"

#define PATH(z, kind, slug) text_print((z)->arena, kind ".%.*s", TEXT_ARG(slug))

/* What was removed may not come back: policies, events and tokens of old would speak of another (delegation.md 1). */
static Outcome slug_check(ZoneReader *z, const char *kind, const YamlNode *key) {
        ENSURE(slug_ok(key->text), zone_fail(z, key, "%s \"%.*s\": a slug is a-z, 0-9 and -, at most 63", kind, TEXT_ARG(zone_shown(z, key->text))));
        Text name = text_print(z->arena, "%s:%.*s", kind, TEXT_ARG(key->text));
        ENSURE(!texts_have(z->retired, name), zone_fail(z, key, "%s \"%.*s\" was removed before; its slug is never used again", kind, TEXT_ARG(key->text)));
        return outcome_good();
}

/* --- users ------------------------------------------------------------------------------------------------------- */

static Outcome user_unique(ZoneReader *z, const YamlNode *map, size_t i) {
        const User *user = &z->users[i];
        for (size_t k = 0; k < i; k++) {
                const User *other = &z->users[k];
                bool same = text_equal(user->identifier, other->identifier) || text_equal(user->identifier, other->slug) || text_equal(user->slug, other->identifier);
                ENSURE(!same, zone_fail(z, map->at[i].key, "users.%.*s: its identifier is also that of users.%.*s", TEXT_ARG(user->slug), TEXT_ARG(other->slug)));
        }
        return outcome_good();
}

Outcome zone_read_users(ZoneReader *z, const YamlNode *map) {
        z->zone->n_users = section_size(map);
        z->zone->users = z->users = arena_array(z->arena, User, section_size(map) + 1);
        ENSURE(z->users, outcome_fault("memory"));
        for (size_t i = 0; i < section_size(map); i++) {
                const YamlNode *key = map->at[i].key, *value = map->at[i].value;
                User *user = &z->users[i];
                Text path = PATH(z, "users", key->text);
                TRY(slug_check(z, "user", key));
                TRY(zone_section(z, SECTION_USER, value, path));
                user->slug = key->text;
                user->identifier = section_text(value, "identifier", key->text);
                user->email = section_text(value, "email", TEXT_NONE);
                user->name = section_text(value, "name", TEXT_NONE);
                TRY(zone_groups(z, value, path, &user->groups));
                TRY(user_unique(z, map, i));
        }
        return outcome_good();
}

/* --- applications ------------------------------------------------------------------------------------------------ */

Outcome zone_read_application_slugs(ZoneReader *z, const YamlNode *map) {
        z->zone->n_applications = section_size(map);
        z->zone->applications = z->applications = arena_array(z->arena, Application, section_size(map) + 1);
        ENSURE(z->applications, outcome_fault("memory"));
        for (size_t i = 0; i < section_size(map); i++) {
                TRY(slug_check(z, "application", map->at[i].key));
                z->applications[i].slug = map->at[i].key->text;
        }
        return outcome_good();
}

static Outcome run_read(ZoneReader *z, Application *a, const YamlNode *node, Text path) {
        if (!node || (node->kind == YAML_TEXT && !node->quoted && text_is(node->text, "false")))
                return outcome_good();
        a->runs = true;
        if (node->kind == YAML_TEXT && !node->quoted && text_is(node->text, "true"))
                return outcome_good();
        ENSURE(node->kind == YAML_MAP, zone_fail(z, node, "%.*s.run: expected true or {uids: [...]}", TEXT_ARG(path)));
        TRY(zone_section(z, SECTION_RUN, node, text_print(z->arena, "%.*s.run", TEXT_ARG(path))));
        const YamlNode *uids = section_at(node, "uids");
        for (a->n_uids = 0; uids && a->n_uids < uids->n; a->n_uids++)
                TRY(text_int(uids->at[a->n_uids].value->text, &a->uids[a->n_uids]));
        return outcome_good();
}

/* A key set in the zone file is public and asymmetric: nothing else may lie in the ledger in clear. */
static Outcome jwks_check(ZoneReader *z, const YamlNode *name, Text jwks) {
        static const char *const hidden[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
        Json *set, *key;
        size_t i;
        ENSURE(outcome_ok(json_read_object(z->arena, jwks, &set)), zone_fail(z, name, "%.*s is not a JSON object", TEXT_ARG(name->text)));
        const Json *list = json_object_get(set, "keys");
        ENSURE(json_is_array(list) && json_array_size(list), zone_fail(z, name, "%.*s holds no keys: expected {\"keys\": [...]}", TEXT_ARG(name->text)));
        json_array_foreach((Json *)list, i, key) {
                Text kty = json_text(key, "kty");
                ENSURE(text_is(kty, "EC") || text_is(kty, "RSA") || text_is(kty, "OKP"),
                       zone_fail(z, name, "%.*s: key %zu is none of EC, RSA, OKP", TEXT_ARG(name->text), i + 1));
                for (size_t h = 0; h < ARRAY_LEN(hidden); h++)
                        ENSURE(!json_has(key, hidden[h]), zone_fail(z, name, "%.*s: key %zu is a private key; give the public part only", TEXT_ARG(name->text), i + 1));
        }
        return outcome_good();
}

static Outcome credentials_read(ZoneReader *z, Application *a, const YamlNode *map, Text path) {
        const YamlNode *jwks = section_at(map, "jwks"), *is_public = section_at(map, "public");
        a->has_secret = section_bool(map, "secret", false);
        a->jwks_uri = section_text(map, "jwks_uri", TEXT_NONE);
        TRY(run_read(z, a, section_at(map, "run"), path));
        if (jwks) {
                TRY(zone_file_used(z, jwks, &a->jwks));
                TRY(jwks_check(z, jwks, a->jwks));
        }
        ENSURE(!jwks || !a->jwks_uri.len, zone_fail(z, jwks, "%.*s: jwks and jwks_uri exclude each other", TEXT_ARG(path)));
        bool keyed = a->runs || a->jwks.len || a->jwks_uri.len, confidential = keyed || a->has_secret;
        a->is_public = section_bool(map, "public", false);
        ENSURE(!a->is_public || !confidential, zone_fail(z, is_public, "%.*s: a public application has no run, secret, jwks or jwks_uri", TEXT_ARG(path)));
        a->is_public |= a->client_metadata.len && !confidential;
        a->proof = keyed ? PROOF_KEY : a->has_secret ? PROOF_SECRET : PROOF_NONE;
        ENSURE(!a->direct || confidential, zone_fail(z, section_at(map, "direct"), "%.*s: direct needs a credential (run, secret, jwks or jwks_uri)", TEXT_ARG(path)));
        return outcome_good();
}

static Outcome application_unique(ZoneReader *z, const YamlNode *map, size_t i) {
        const Application *a = &z->applications[i];
        for (size_t k = 0; k < z->zone->n_applications; k++) {
                const Application *other = &z->applications[k];
                if (k == i)
                        continue;
                bool same = text_equal(a->identifier, other->slug) || (k < i && (text_equal(a->identifier, other->identifier)));
                ENSURE(!same, zone_fail(z, map->at[i].key, "applications.%.*s: its identifier is also that of applications.%.*s", TEXT_ARG(a->slug), TEXT_ARG(other->slug)));
                bool document = a->client_metadata.len && k < i && url_same_resource(a->client_metadata, other->client_metadata);
                ENSURE(!document, zone_fail(z, map->at[i].key, "applications.%.*s: applications.%.*s has the same client_metadata", TEXT_ARG(a->slug), TEXT_ARG(other->slug)));
        }
        return outcome_good();
}

static Outcome dependency_scopes(ZoneReader *z, const Resource *resource, const YamlNode *list, Text path, Texts *out) {
        Texts known = {0};
        *out = (Texts){0};
        for (size_t i = 0; i < resource->n_scopes; i++)
                TRY(texts_add(z->arena, &known, resource->scopes[i].name));
        for (size_t i = 0; list && i < list->n; i++) {
                const YamlNode *item = list->at[i].value;
                ENSURE(item->kind == YAML_TEXT, zone_fail(z, item, "%.*s: expected a scope", TEXT_ARG(path)));
                ENSURE(texts_have(known, item->text), zone_fail(z, item, "%.*s: resource %.*s has no scope \"%.*s\"%.*s", TEXT_ARG(path), TEXT_ARG(resource->slug),
                                                                TEXT_ARG(zone_shown(z, item->text)), TEXT_ARG(zone_nearest(z, item->text, known))));
                ENSURE(!texts_have(*out, item->text), zone_fail(z, item, "%.*s: \"%.*s\" stands there twice", TEXT_ARG(path), TEXT_ARG(item->text)));
                TRY(texts_add(z->arena, out, item->text));
        }
        return outcome_good();
}

static Outcome dependency_read(ZoneReader *z, const YamlPair *pair, Text path, Dependency *out) {
        Texts slugs = {0};
        for (size_t i = 0; i < z->zone->n_resources; i++)
                TRY(texts_add(z->arena, &slugs, z->resources[i].slug));
        out->resource = zone_resource(z->zone, pair->key->text);
        ENSURE(out->resource, zone_fail(z, pair->key, "%.*s: no resource \"%.*s\"%.*s", TEXT_ARG(path), TEXT_ARG(zone_shown(z, pair->key->text)),
                                        TEXT_ARG(zone_nearest(z, pair->key->text, slugs))));
        path = text_print(z->arena, "%.*s.%.*s", TEXT_ARG(path), TEXT_ARG(pair->key->text));
        if (yaml_null(pair->value))
                return outcome_good();
        if (pair->value->kind == YAML_LIST)
                return dependency_scopes(z, out->resource, pair->value, path, &out->scopes);
        ENSURE(pair->value->kind == YAML_MAP, zone_fail(z, pair->value, "%.*s: expected [scopes] or {scopes, direct, offline}", TEXT_ARG(path)));
        TRY(zone_section(z, SECTION_DEPENDENCY, pair->value, path));
        out->direct = section_bool(pair->value, "direct", false);
        out->offline = section_bool(pair->value, "offline", false);
        return dependency_scopes(z, out->resource, section_at(pair->value, "scopes"), path, &out->scopes);
}

static Outcome depends_read(ZoneReader *z, Application *a, const YamlNode *map, Text path) {
        path = text_print(z->arena, "%.*s.depends", TEXT_ARG(path));
        Dependency *list = arena_array(z->arena, Dependency, section_size(map) + 1);
        ENSURE(list, outcome_fault("memory"));
        for (size_t i = 0; i < section_size(map); i++)
                TRY(dependency_read(z, &map->at[i], path, &list[i]));
        a->depends = list;
        a->n_depends = section_size(map);
        return outcome_good();
}

static Outcome application_read(ZoneReader *z, Application *a, const YamlNode *map, Text path) {
        TRY(zone_section(z, SECTION_APPLICATION, map, path));
        a->registered = true;
        a->identifier = section_text(map, "identifier", a->slug);
        a->name = section_text(map, "name", a->slug);
        a->direct = section_bool(map, "direct", false);
        a->disabled = section_bool(map, "disabled", false);
        a->client_metadata = section_text(map, "client_metadata", TEXT_NONE);
        TRY(zone_groups(z, map, path, &a->groups));
        TRY(section_texts(z, map, "redirect_uris", &a->redirect_uris));
        TRY(credentials_read(z, a, map, path));
        return depends_read(z, a, section_at(map, "depends"), path);
}

Outcome zone_read_applications(ZoneReader *z, const YamlNode *map) {
        for (size_t i = 0; i < section_size(map); i++)
                TRY(application_read(z, &z->applications[i], map->at[i].value, PATH(z, "applications", map->at[i].key->text)));
        for (size_t i = 0; i < section_size(map); i++)
                TRY(application_unique(z, map, i));
        return outcome_good();
}

/* --- providers --------------------------------------------------------------------------------------------------- */

static Outcome provider_scopes(ZoneReader *z, Provider *p, const YamlNode *map, Text path) {
        for (size_t i = 0; i < section_size(map); i++) {
                const YamlNode *to = map->at[i].value;
                bool word = to->kind == YAML_TEXT && to->text.len && to->text.len <= 255 && text_printable(to->text) && text_find(to->text, '"') == to->text.len;
                ENSURE(word, zone_fail(z, to, "%.*s.scopes: expected the provider's scope", TEXT_ARG(path)));
                TRY(texts_add(z->arena, &p->scope_from, map->at[i].key->text));
                TRY(texts_add(z->arena, &p->scope_to, to->text));
        }
        return outcome_good();
}

static Outcome secret_read(ZoneReader *z, Provider *p, const YamlNode *file) {
        Text content, raw;
        TRY(zone_file_used(z, file, &content));
        if (outcome_ok(zone_secret_read(z->arena, content, &raw))) {
                Buf buf = buf_new(z->arena, raw.len + 8);
                buf_str(&buf, "sealed:");
                buf_text(&buf, raw);
                p->client_secret = buf_done(&buf);
                return p->client_secret.at ? outcome_good() : outcome_fault("memory");
        }
        while (content.len && (content.at[content.len - 1] == '\n' || content.at[content.len - 1] == '\r'))
                content.len--;
        bool fits = content.len && content.len <= 1024 && text_printable(content);
        ENSURE(fits, zone_fail(z, file, "%.*s: expected one line of printable ASCII", TEXT_ARG(file->text)));
        p->client_secret = content;
        return outcome_good();
}

static Outcome provider_require(ZoneReader *z, const YamlPair *pair, Text path, const char *const *names, size_t n) {
        for (size_t i = 0; i < n; i++)
                ENSURE(section_at(pair->value, names[i]), zone_fail(z, pair->key, "%.*s: needs %s", TEXT_ARG(path), names[i]));
        return outcome_good();
}

static Outcome oauth_read(ZoneReader *z, Provider *p, const YamlPair *pair, Text path) {
        static const char *const needed[] = {"authorization_endpoint", "token_endpoint", "client_id"};
        const YamlNode *map = pair->value, *secret = section_at(map, "client_secret_file");
        TRY(zone_section(z, SECTION_OAUTH, map, path));
        TRY(provider_require(z, pair, path, needed, ARRAY_LEN(needed)));
        p->type = PROVIDER_OAUTH;
        p->authorization_endpoint = section_text(map, "authorization_endpoint", TEXT_NONE);
        p->token_endpoint = section_text(map, "token_endpoint", TEXT_NONE);
        p->revocation_endpoint = section_text(map, "revocation_endpoint", TEXT_NONE);
        p->client_id = section_text(map, "client_id", TEXT_NONE);
        p->revoke_at_close = section_bool(map, "revoke_at_close", false);
        if (secret)
                TRY(secret_read(z, p, secret));
        return provider_scopes(z, p, section_at(map, "scopes"), path);
}

static Outcome federated_read(ZoneReader *z, Provider *p, const YamlPair *pair, Text path) {
        static const char *const needed[] = {"audience"};
        const YamlNode *map = pair->value;
        TRY(zone_section(z, SECTION_FEDERATED, map, path));
        TRY(provider_require(z, pair, path, needed, ARRAY_LEN(needed)));
        p->type = PROVIDER_FEDERATED;
        p->audience = section_text(map, "audience", TEXT_NONE);
        p->algorithm = section_text(map, "algorithm", TEXT("RS256"));
        p->scope_claim = section_text(map, "scope_claim", TEXT("scope"));
        p->user_claim = section_text(map, "user_claim", TEXT("slug"));
        p->scope_array = section_bool(map, "scope_array", false);
        p->lifetime = section_int(map, "minimum_lifetime_seconds", 0);
        return outcome_good();
}

static Outcome provider_read(ZoneReader *z, Provider *p, const YamlPair *pair) {
        Text path = PATH(z, "providers", pair->key->text);
        TRY(slug_check(z, "provider", pair->key));
        p->slug = pair->key->text;
        const YamlNode *type = section_at(pair->value, "type");
        ENSURE(type, zone_fail(z, pair->key, "%.*s: needs type: federated or oauth", TEXT_ARG(path)));
        if (type->kind == YAML_TEXT && text_is(type->text, "oauth"))
                return oauth_read(z, p, pair, path);
        return federated_read(z, p, pair, path);
}

Outcome zone_read_providers(ZoneReader *z, const YamlNode *map) {
        z->zone->n_providers = section_size(map);
        z->zone->providers = z->providers = arena_array(z->arena, Provider, section_size(map) + 1);
        ENSURE(z->providers, outcome_fault("memory"));
        for (size_t i = 0; i < section_size(map); i++)
                TRY(provider_read(z, &z->providers[i], &map->at[i]));
        return outcome_good();
}
