/* zone_reader.h - what the readers of a zone file's sections share: the tree, the errors, the table of keys.
 *
 * knows        zone_keys.def, shapes of values
 * never knows  what a section means
 * lifetime     one zone_build()
 * errors       zone_fail() keeps the first error's line and ends refused row 0
 *
 * section_check() is called once per mapping; after it a value has the shape that the table says, so the getters need no
 * second look: an absent or null key gives the getter's `otherwise`.
 */
#ifndef CARNET_CORE_ZONE_READER_H
#define CARNET_CORE_ZONE_READER_H
#include "base/json.h"
#include "base/yaml.h"
#include "core/model.h"
#include "core/zone_build.h"

typedef enum Section {
        SECTION_ZONE, SECTION_DEFAULTS, SECTION_TRUST, SECTION_USER, SECTION_APPLICATION, SECTION_RUN, SECTION_DEPENDENCY,
        SECTION_RESOURCE, SECTION_PROVIDER, SECTION_FEDERATED, SECTION_OAUTH, SECTION_SETTINGS,
} Section;

typedef struct ZoneReader {
        Arena *arena;
        const ZoneBuildContext *context;
        const Json *files;
        Text file;                 /* "zone.yaml": in errors */
        const YamlNode *root;
        Zone *zone;
        User *users;               /* the zone's, while they are filled */
        Application *applications;
        Resource *resources;
        Provider *providers;
        const YamlNode *groups;    /* NULL: any group may be named */
        Texts used;                /* files that the zone file names */
        Texts retired;
        Text error;
} ZoneReader;

Outcome zone_fail(ZoneReader *z, const YamlNode *at, const char *fmt, ...) PRINTF_LIKE(3, 4); /* node NULL: no line */
Text zone_shown(ZoneReader *z, Text t);            /* printable and short: what strangers wrote, in an error */
Text zone_nearest(ZoneReader *z, Text word, Texts known); /* `; did you mean "x"?` or "" */
MUST_USE Outcome zone_section(ZoneReader *z, Section section, const YamlNode *map, Text path); /* NULL and null are empty */
MUST_USE Outcome zone_file_used(ZoneReader *z, const YamlNode *name, Text *content); /* each file has one use */
MUST_USE Outcome zone_groups(ZoneReader *z, const YamlNode *map, Text path, Texts *out);

bool slug_ok(Text slug);                           /* [a-z0-9][a-z0-9-]{0,62} */
const YamlNode *section_at(const YamlNode *map, const char *key); /* NULL also when null */
Text section_text(const YamlNode *map, const char *key, Text otherwise);
bool section_bool(const YamlNode *map, const char *key, bool otherwise);
int64_t section_int(const YamlNode *map, const char *key, int64_t otherwise);
MUST_USE Outcome section_texts(ZoneReader *z, const YamlNode *map, const char *key, Texts *out);
size_t section_size(const YamlNode *map);

/* The sections, in the order in which zone_build() reads them: slugs first, so that references find each other. */
MUST_USE Outcome zone_read_users(ZoneReader *z, const YamlNode *map);
MUST_USE Outcome zone_read_providers(ZoneReader *z, const YamlNode *map);
MUST_USE Outcome zone_read_application_slugs(ZoneReader *z, const YamlNode *map);
MUST_USE Outcome zone_read_resources(ZoneReader *z, const YamlNode *map);
MUST_USE Outcome zone_read_applications(ZoneReader *z, const YamlNode *map);
MUST_USE Outcome zone_read_anchors(ZoneReader *z);
MUST_USE Outcome zone_read_documents(ZoneReader *z, const YamlNode *root);
MUST_USE Outcome zone_read_policies(ZoneReader *z); /* builds the set: last, because it has to be released */
#endif
