/* zone_build.h - a zone document made into a Zone: the one way in, for apply, start, the simulator and `carnet policy check`.
 *
 * knows        the document {"files":{name:text},"retired":[…]}, of which "zone.yaml" is the zone file (zone_keys.def)
 * never knows  where documents are kept, who publishes
 * lifetime     the Zone and all it points to live on the arena; zone->policies is the caller's to release
 * errors       refused row 0 with *error: one line, "zone.yaml:12: unknown key \"scops\" under resources.churn; did you mean
 *              \"scopes\"?"; *error lives on the arena
 */
#ifndef CARNET_CORE_ZONE_BUILD_H
#define CARNET_CORE_ZONE_BUILD_H
#include "base/json.h"
#include "core/model.h"

#define ZONE_DOCUMENT_MAX ((size_t)2 << 20)
#define ZONE_FILES_MAX 64

typedef struct ZoneBuildContext {
        Text slug;            /* the zone it is for; "" takes the file's */
        Text issuer;          /* when the file names none */
        const Zone *previous; /* what it replaces, or NULL: its parties that are gone are retired */
        int64_t version;
        bool dev;
        /* Seals what is still in clear; NULL leaves it (checks, simulator). The daemon's apply has sealed before. */
        Outcome (*seal)(void *arg, Arena *arena, Text zone, Text context, Text bytes, Text *out);
        void *seal_arg;
} ZoneBuildContext;

/* *canonical (may be NULL): the document as the ledger keeps it: files the zone file names, secrets sealed, retired slugs. */
MUST_USE Outcome zone_build(Arena *arena, Text document, const ZoneBuildContext *context, Zone **out, Text *canonical, Text *error);

/* A secret of a provider, as the document names it. */
typedef struct ZoneSecret {
        Text file, provider, bytes; /* bytes: as in the document, "" when the file is missing */
} ZoneSecret;

/* Which files of a document are secrets: those that a client_secret_file names. A document that cannot be read has none. */
MUST_USE Outcome zone_secrets(Arena *arena, const Json *document, ZoneSecret **out, size_t *n);
Text zone_secret_context(Arena *arena, Text zone, Text provider);
Text zone_secret_write(Arena *arena, Text sealed);                   /* "sealed:" and hex digits, for the document */
MUST_USE Outcome zone_secret_read(Arena *arena, Text file, Text *sealed); /* refused when it is none */
#endif
