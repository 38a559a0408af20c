/* zone_resources.c - resources, their scopes, the anchors of confidential applications, and the zone's own resource. */
#include "core/zone_reader.h"
#include "base/url.h"

static Outcome classes_read(ZoneReader *z, const YamlNode *list, Text path, unsigned *out) {
        static const Class all[] = {CLASS_READ, CLASS_WRITE, CLASS_DELETE, CLASS_ADMINISTER};
        Texts known = {0};
        unsigned classes = 0;
        for (size_t i = 0; i < ARRAY_LEN(all); i++)
                TRY(texts_add(z->arena, &known, text_of(class_name(all[i]))));
        if (yaml_null(list)) {
                *out = CLASS_ALL; /* delegation.md 1: a scope without a declared class has all four */
                return outcome_good();
        }
        ENSURE(list->kind == YAML_LIST && list->n, zone_fail(z, list, "%.*s: expected a list of read, write, delete, administer", TEXT_ARG(path)));
        for (size_t i = 0; i < list->n; i++) {
                const YamlNode *word = list->at[i].value;
                for (size_t c = 0; c < ARRAY_LEN(all); c++)
                        classes |= word->kind == YAML_TEXT && text_is(word->text, class_name(all[c])) ? (unsigned)all[c] : 0;
                ENSURE(word->kind == YAML_TEXT && texts_have(known, word->text),
                       zone_fail(z, word, "%.*s: no operation class \"%.*s\"%.*s", TEXT_ARG(path), TEXT_ARG(zone_shown(z, word->text)),
                                 TEXT_ARG(zone_nearest(z, word->text, known))));
        }
        *out = classes;
        return outcome_good();
}

/* delegation.md 1: the zone's own scopes are never a resource's. */
static bool scope_name_ok(Text name) {
        static const char *const zones_own[] = {"openid", "profile", "email", "offline_access"};
        for (size_t i = 0; i < ARRAY_LEN(zones_own); i++)
                if (text_is(name, zones_own[i]))
                        return false;
        return name.len && name.len <= 255 && text_printable(name) && text_find(name, ' ') == name.len && text_find(name, '"') == name.len &&
               text_find(name, '\\') == name.len;
}

static Outcome scopes_read(ZoneReader *z, Resource *resource, const YamlNode *map, Text path) {
        Scope *scopes = arena_array(z->arena, Scope, section_size(map) + 1);
        ENSURE(scopes, outcome_fault("memory"));
        for (size_t i = 0; i < section_size(map); i++) {
                const YamlNode *key = map->at[i].key;
                ENSURE(scope_name_ok(key->text), zone_fail(z, key, "%.*s.scopes: \"%.*s\" cannot be a scope's name", TEXT_ARG(path), TEXT_ARG(zone_shown(z, key->text))));
                Text at = text_print(z->arena, "%.*s.scopes.%.*s", TEXT_ARG(path), TEXT_ARG(key->text));
                scopes[i].name = key->text;
                TRY(classes_read(z, map->at[i].value, at, &scopes[i].classes));
        }
        resource->scopes = scopes;
        resource->n_scopes = section_size(map);
        return outcome_good();
}

static Outcome defaults_read(ZoneReader *z, Resource *resource, const YamlNode *map, Text path) {
        const YamlNode *list = section_at(map, "default_scopes");
        Texts known = {0};
        for (size_t i = 0; i < resource->n_scopes; i++)
                TRY(texts_add(z->arena, &known, resource->scopes[i].name));
        TRY(section_texts(z, map, "default_scopes", &resource->defaults));
        for (size_t i = 0; i < resource->defaults.n; i++)
                ENSURE(texts_have(known, resource->defaults.at[i]),
                       zone_fail(z, list->at[i].value, "%.*s.default_scopes: no scope \"%.*s\"%.*s", TEXT_ARG(path), TEXT_ARG(resource->defaults.at[i]),
                                 TEXT_ARG(zone_nearest(z, resource->defaults.at[i], known))));
        return outcome_good();
}

static Cutoff cutoff_of(Text name) {
        for (int i = CUTOFF_EXPIRY; i <= CUTOFF_IMMEDIATE; i++)
                if (text_is(name, cutoff_name((Cutoff)i)))
                        return (Cutoff)i;
        return CUTOFF_EXPIRY;
}

static Outcome owner_read(ZoneReader *z, Resource *resource, const YamlNode *map, Text path) {
        const YamlNode *owner = section_at(map, "owner"), *provider = section_at(map, "provider");
        Texts known = {0}, providers = {0};
        for (size_t i = 0; i < z->zone->n_applications; i++)
                TRY(texts_add(z->arena, &known, z->applications[i].slug));
        for (size_t i = 0; i < z->zone->n_providers; i++)
                TRY(texts_add(z->arena, &providers, z->providers[i].slug));
        resource->owner = owner ? zone_application(z->zone, owner->text) : NULL;
        ENSURE(!owner || resource->owner, zone_fail(z, owner, "%.*s.owner: no application \"%.*s\"%.*s", TEXT_ARG(path), TEXT_ARG(owner->text),
                                                    TEXT_ARG(zone_nearest(z, owner->text, known))));
        for (size_t i = 0; provider && i < z->zone->n_providers; i++)
                if (text_equal(z->providers[i].slug, provider->text))
                        resource->provider = &z->providers[i];
        ENSURE(!provider || resource->provider, zone_fail(z, provider, "%.*s.provider: no provider \"%.*s\"%.*s", TEXT_ARG(path), TEXT_ARG(provider->text),
                                                          TEXT_ARG(zone_nearest(z, provider->text, providers))));
        ENSURE(!owner || !provider, zone_fail(z, owner, "%.*s: a resource with a provider has no owner", TEXT_ARG(path)));
        return outcome_good();
}

/* RFC 8707: an aud names one resource; and it is never the issuer's (delegation.md 4). */
static Outcome identifier_check(ZoneReader *z, size_t i, const YamlNode *key, const YamlNode *node, Text path) {
        const Resource *resource = &z->resources[i];
        ENSURE(node, zone_fail(z, key, "%.*s: needs identifier", TEXT_ARG(path)));
        Text issuer = z->zone->issuer;
        bool ours = issuer.len && (url_same_resource(issuer, resource->identifier) || url_within(issuer, resource->identifier) ||
                                   (resource->prefix && url_within(resource->identifier, issuer)));
        ENSURE(!ours, zone_fail(z, node, "%.*s.identifier: that is the zone's own", TEXT_ARG(path)));
        for (size_t k = 0; k < i; k++)
                ENSURE(!url_same_resource(z->resources[k].identifier, resource->identifier),
                       zone_fail(z, node, "%.*s.identifier: also that of resources.%.*s", TEXT_ARG(path), TEXT_ARG(z->resources[k].slug)));
        return outcome_good();
}

static Outcome resource_slug(ZoneReader *z, const YamlNode *key) {
        ENSURE(slug_ok(key->text), zone_fail(z, key, "resource \"%.*s\": a slug is a-z, 0-9 and -, at most 63", TEXT_ARG(zone_shown(z, key->text))));
        ENSURE(!text_is(key->text, "management"), zone_fail(z, key, "resource \"management\": that is the zone's own"));
        Text retired = text_print(z->arena, "resource:%.*s", TEXT_ARG(key->text));
        ENSURE(!texts_have(z->retired, retired), zone_fail(z, key, "resource \"%.*s\" was removed before; its slug is never used again", TEXT_ARG(key->text)));
        return outcome_good();
}

static Outcome resource_read(ZoneReader *z, size_t i, const YamlNode *key, const YamlNode *map) {
        Resource *resource = &z->resources[i];
        TRY(resource_slug(z, key));
        Text path = text_print(z->arena, "resources.%.*s", TEXT_ARG(key->text));
        TRY(zone_section(z, SECTION_RESOURCE, map, path));
        resource->slug = key->text;
        resource->identifier = section_text(map, "identifier", TEXT_NONE);
        resource->algorithm = section_text(map, "algorithm", TEXT("RS256"));
        resource->cutoff = cutoff_of(section_text(map, "cutoff", TEXT("expiry")));
        resource->lifetime = section_int(map, "credential_lifetime_seconds", 0);
        resource->prefix = section_bool(map, "prefix", false);
        resource->disabled = section_bool(map, "disabled", false);
        TRY(identifier_check(z, i, key, section_at(map, "identifier"), path));
        TRY(owner_read(z, resource, map, path));
        resource->entry = section_bool(map, "entry", resource->owner != NULL);
        TRY(scopes_read(z, resource, section_at(map, "scopes"), path));
        return defaults_read(z, resource, map, path);
}

/* {issuer}/management: no entry and nobody's, so that only a dependency declared by name leads there; who may use it is
 * asked again by manage_authorize(). */
static Outcome management_make(ZoneReader *z, Resource *resource) {
        Scope *scopes = arena_array(z->arena, Scope, 2);
        ENSURE(scopes, outcome_fault("memory"));
        scopes[0] = (Scope){TEXT("read"), CLASS_READ};
        scopes[1] = (Scope){TEXT("manage"), CLASS_ALL};
        *resource = (Resource){.slug = TEXT("management"), .identifier = text_print(z->arena, "%.*s/management", TEXT_ARG(z->zone->issuer)), .scopes = scopes,
                               .n_scopes = 2, .algorithm = TEXT("ES256"), .cutoff = CUTOFF_IMMEDIATE, .lifetime = 600};
        z->zone->management = resource;
        return outcome_good();
}

/* Room for everything that could come: references to resources never move. */
Outcome zone_read_resources(ZoneReader *z, const YamlNode *map) {
        z->zone->resources = z->resources = arena_array(z->arena, Resource, section_size(map) + 1 + z->zone->n_applications);
        ENSURE(z->resources, outcome_fault("memory"));
        for (size_t i = 0; i < section_size(map); i++) {
                TRY(resource_read(z, i, map->at[i].key, map->at[i].value));
                z->zone->n_resources = i + 1;
        }
        return management_make(z, &z->resources[z->zone->n_resources++]);
}

/* delegation.md 1: the application's own identifier as a resource; the owned resource of the same identifier if there is one. */
static Outcome anchor_make(ZoneReader *z, Application *a) {
        for (size_t i = 0; i < z->zone->n_resources; i++) {
                const Resource *resource = &z->resources[i];
                if (!url_same_resource(resource->identifier, a->identifier) && !text_equal(resource->identifier, a->identifier))
                        continue;
                ENSURE(resource->owner == a, zone_fail(z, NULL, "applications.%.*s: its identifier is that of resources.%.*s, which it does not own",
                                                       TEXT_ARG(a->slug), TEXT_ARG(resource->slug)));
                a->anchor = a->proof == PROOF_NONE ? NULL : resource;
                return outcome_good();
        }
        if (a->proof == PROOF_NONE)
                return outcome_good();
        Resource *anchor = &z->resources[z->zone->n_resources++];
        *anchor = (Resource){.slug = text_print(z->arena, "anchor:%.*s", TEXT_ARG(a->slug)), .identifier = a->identifier, .owner = a,
                             .algorithm = TEXT("RS256"), .anchor = true};
        a->anchor = anchor;
        return outcome_good();
}

Outcome zone_read_anchors(ZoneReader *z) {
        for (size_t i = 0; i < z->zone->n_applications; i++)
                TRY(anchor_make(z, &z->applications[i]));
        return outcome_good();
}
