#include "core/model.h"
#include "base/url.h"

#define FIND(list, count, test)                                                                                        \
        for (size_t i = 0; i < (count); i++)                                                                           \
                if (test)                                                                                              \
                        return &(list)[i];                                                                             \
        return NULL

const Zone *snapshot_zone(const Snapshot *snapshot, Text slug) {
        for (size_t i = 0; snapshot && i < snapshot->n; i++)
                if (text_equal(snapshot->zones[i]->slug, slug))
                        return snapshot->zones[i];
        return NULL;
}

const User *zone_user(const Zone *zone, Text slug) { FIND(zone->users, zone->n_users, text_equal(zone->users[i].slug, slug)); }

const User *zone_user_by_identifier(const Zone *zone, Text identifier) {
        FIND(zone->users, zone->n_users,
             text_equal(zone->users[i].identifier, identifier) || text_equal(zone->users[i].slug, identifier));
}

const Application *zone_application(const Zone *zone, Text slug) {
        FIND(zone->applications, zone->n_applications, text_equal(zone->applications[i].slug, slug));
}

const Application *zone_application_by_identifier(const Zone *zone, Text identifier) {
        FIND(zone->applications, zone->n_applications, text_equal(zone->applications[i].identifier, identifier));
}

const Application *zone_application_by_metadata(const Zone *zone, Text url) {
        FIND(zone->applications, zone->n_applications,
             zone->applications[i].client_metadata.len && text_equal(zone->applications[i].client_metadata, url));
}

const Resource *zone_resource(const Zone *zone, Text slug) {
        FIND(zone->resources, zone->n_resources, text_equal(zone->resources[i].slug, slug));
}

/* An exact identifier wins; among prefix resources the longest (delegation.md 4). */
const Resource *zone_resource_by_identifier(const Zone *zone, Text identifier) {
        for (size_t i = 0; i < zone->n_resources; i++)
                if (text_equal(zone->resources[i].identifier, identifier))
                        return &zone->resources[i];
        const Resource *best = NULL;
        for (size_t i = 0; i < zone->n_resources; i++) {
                const Resource *at = &zone->resources[i];
                if (url_same_resource(at->identifier, identifier))
                        return at;
                if (at->prefix && url_within(at->identifier, identifier) && (!best || best->identifier.len < at->identifier.len))
                        best = at;
        }
        return best;
}

const Dependency *application_dependency(const Application *application, const Resource *resource) {
        FIND(application->depends, application->n_depends, application->depends[i].resource == resource);
}

const Scope *resource_scope(const Resource *resource, Text name) {
        FIND(resource->scopes, resource->n_scopes, text_equal(resource->scopes[i].name, name));
}

unsigned resource_classes(const Resource *resource, Texts scopes) {
        if (!resource->n_scopes)
                return CLASS_ALL; /* delegation.md 1: one unnamed scope with all four */
        unsigned classes = 0;
        for (size_t i = 0; i < scopes.n; i++) {
                const Scope *scope = resource_scope(resource, scopes.at[i]);
                classes |= scope ? scope->classes : (unsigned)CLASS_ALL;
        }
        return classes;
}

Texts resource_default_scopes(Arena *arena, const Resource *resource) {
        if (resource->defaults.n)
                return resource->defaults;
        Texts list = {0};
        for (size_t i = 0; i < resource->n_scopes; i++)
                if (resource->scopes[i].classes == CLASS_READ && !outcome_ok(texts_add(arena, &list, resource->scopes[i].name)))
                        return (Texts){0};
        return list;
}

bool scope_is_zones(Text scope) {
        return text_is(scope, "openid") || text_is(scope, "profile") || text_is(scope, "email") || text_is(scope, "offline_access");
}

const char *class_name(Class one) {
        switch (one) {
        case CLASS_READ:
                return "read";
        case CLASS_WRITE:
                return "write";
        case CLASS_DELETE:
                return "delete";
        default:
                return "administer";
        }
}

const char *proof_name(Proof proof) {
        static const char *const names[] = {"none", "asserted", "secret", "key", "workload", "mtls"};
        return (size_t)proof < ARRAY_LEN(names) ? names[proof] : "none";
}

const char *cutoff_name(Cutoff cutoff) {
        static const char *const names[] = {"expiry", "introspect", "feed", "immediate"};
        return (size_t)cutoff < ARRAY_LEN(names) ? names[cutoff] : "expiry";
}
