/* model.h - a zone as published: who and what there is. Immutable once in a snapshot.
 *
 * knows        users, applications, resources with scopes and classes, providers, dependencies, settings
 * never knows  sessions, tokens, how a zone file is written
 * lifetime     everything lives on the zone's own arena; a snapshot is refcounted and swapped whole
 */
#ifndef CARNET_CORE_MODEL_H
#define CARNET_CORE_MODEL_H
#include "base/text.h"
#include "policy/cedar.h"

/* delegation.md 1: operation classes, as a set */
typedef enum Class { CLASS_READ = 1, CLASS_WRITE = 2, CLASS_DELETE = 4, CLASS_ADMINISTER = 8, CLASS_ALL = 15 } Class;
/* weakest first: the order of the Cedar enum */
typedef enum Proof { PROOF_NONE, PROOF_ASSERTED, PROOF_SECRET, PROOF_KEY, PROOF_WORKLOAD, PROOF_MTLS } Proof;
typedef enum Cutoff { CUTOFF_EXPIRY, CUTOFF_INTROSPECT, CUTOFF_FEED, CUTOFF_IMMEDIATE } Cutoff;
typedef enum ProviderType { PROVIDER_ZONE, PROVIDER_FEDERATED, PROVIDER_OAUTH } ProviderType;

typedef struct Application Application;
typedef struct Resource Resource;

typedef struct Scope {
        Text name;
        unsigned classes;
} Scope;

typedef struct Provider {
        Text slug;
        ProviderType type;
        Text audience, algorithm, scope_claim, user_claim; /* federated */
        bool scope_array;
        Text authorization_endpoint, token_endpoint, revocation_endpoint, client_id, client_secret; /* oauth; the secret as written, or "sealed:" and sealed bytes (context "provider:ZONE:SLUG") */
        const Scope *upstream_scopes; /* name = ours, unused classes */
        Texts scope_from, scope_to;   /* our scope -> theirs, pairwise */
        int64_t lifetime;             /* federated: minimum the provider demands, 0 none */
        bool revoke_at_close;
} Provider;

struct Resource {
        Text slug, identifier;
        const Application *owner;   /* NULL: nobody's */
        const Provider *provider;   /* NULL: the zone itself */
        const Scope *scopes;        /* n_scopes 0: one unnamed scope with all four classes */
        size_t n_scopes;
        Texts defaults;             /* default_scopes; empty: those whose classes are read alone */
        Text algorithm;             /* RS256 until its owner asks for ES256 or EdDSA */
        Cutoff cutoff;
        int64_t lifetime;           /* credential_lifetime_seconds, 0 unset */
        bool entry, prefix, anchor, disabled;
};

typedef struct Dependency {
        const Resource *resource;
        Texts scopes;               /* empty: the resource's defaults */
        bool direct, offline;
} Dependency;

struct Application {
        Text slug, identifier, name;
        Texts groups;
        bool registered, is_public, direct, disabled;
        bool has_secret, runs;      /* a generated secret; keys from `carnet run` */
        int64_t uids[8];            /* may register a run key */
        size_t n_uids;
        Text client_metadata;       /* CIMD URL bound to the slug */
        Texts redirect_uris;
        Text jwks, jwks_uri;
        Proof proof;                /* strongest declared credential */
        const Dependency *depends;
        size_t n_depends;
        const Resource *anchor;     /* implicit, or the owned resource of the same identifier; NULL for public applications */
        Text document_digest;       /* of the metadata document a client came with; "" when none */
        Text client_host;           /* verified host of the metadata document, for the consent page */
};

typedef struct User {
        Text slug, identifier, email, name;
        Texts groups;
} User;

typedef struct Zone {
        Text slug, issuer;
        int64_t version;            /* of the published document */
        const User *users; size_t n_users;
        const Application *applications; size_t n_applications;
        const Resource *resources; size_t n_resources;  /* anchors included */
        const Provider *providers; size_t n_providers;
        const Resource *default_resource;
        PolicySet *policies;
        Text ca;                    /* PEM for metadata documents, "" the system's */
        bool loopback_documents, cimd, dcr, dev;
        int64_t idle, absolute, stay_idle, stay_absolute; /* seconds */
        int64_t tokens_per_minute;  /* per session */
        Texts retired;              /* "application:SLUG" …: what was removed and may never come back */
        const Resource *management; /* built in: {issuer}/management, slug "management" */
        const PolicyDocument *documents; size_t n_documents; /* Cedar files in the order of the zone file */
        const PolicyGroup *groups; size_t n_groups;          /* groups declared with parents */
        bool managed;               /* managed policies are in the set */
        Text keys;                  /* JWKS as published, JSON */
} Zone;

typedef struct Snapshot {
        const Zone **zones;
        size_t n;
        int64_t generation;
} Snapshot;

const Zone *snapshot_zone(const Snapshot *snapshot, Text slug);
const User *zone_user(const Zone *zone, Text slug);
const User *zone_user_by_identifier(const Zone *zone, Text identifier);      /* also by slug */
const Application *zone_application(const Zone *zone, Text slug);
const Application *zone_application_by_identifier(const Zone *zone, Text identifier);
const Application *zone_application_by_metadata(const Zone *zone, Text url);
const Resource *zone_resource(const Zone *zone, Text slug);                  /* "anchor:SLUG" too */
const Resource *zone_resource_by_identifier(const Zone *zone, Text identifier); /* parsed equality; prefix resources at boundaries */
const Dependency *application_dependency(const Application *application, const Resource *resource);
const Scope *resource_scope(const Resource *resource, Text name);
unsigned resource_classes(const Resource *resource, Texts scopes);           /* union; unnamed scope: all four */
Texts resource_default_scopes(Arena *arena, const Resource *resource);
/* The zone's own scopes (openid profile email offline_access): never a resource's, never Cedar's (delegation.md 1). */
bool scope_is_zones(Text scope);
const char *class_name(Class one);
const char *proof_name(Proof proof);
const char *cutoff_name(Cutoff cutoff);
#endif
