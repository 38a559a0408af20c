/* yaml.h - one YAML document as a tree that remembers its lines.
 *
 * knows        the part of YAML 1.1 that configuration needs: mappings, sequences, scalars, comments
 * never knows  types: a scalar is its text, so `no` is a word where a word is expected; the reader's schema says what it is
 * lifetime     everything lives on the arena
 * errors       refused row 0, with *problem filled. Refused are anchors, aliases, tags, merge keys, duplicate keys, keys that are
 *              no scalars, several documents, depth over YAML_DEPTH, sources over YAML_BYTES, trees over YAML_NODES
 */
#ifndef CARNET_BASE_YAML_H
#define CARNET_BASE_YAML_H
#include "base/text.h"

#define YAML_DEPTH 16
#define YAML_BYTES ((size_t)1 << 20)
#define YAML_NODES 50000
#define YAML_CHILDREN 8192

typedef enum YamlKind { YAML_TEXT, YAML_LIST, YAML_MAP } YamlKind;

typedef struct YamlNode YamlNode;

typedef struct YamlPair {
        const YamlNode *key, *value; /* key NULL in a list */
} YamlPair;

struct YamlNode {
        YamlKind kind;
        unsigned line, column; /* from 1 */
        bool quoted;           /* 'x', "x" or a block: never null */
        Text text;
        YamlPair *at;
        size_t n;
};

typedef struct YamlProblem {
        unsigned line, column;
        Text what;
} YamlProblem;

MUST_USE Outcome yaml_read(Arena *arena, Text source, const YamlNode **root, YamlProblem *problem);
const YamlNode *yaml_at(const YamlNode *map, const char *key); /* NULL when absent; borrows */
bool yaml_null(const YamlNode *node);                          /* plain "", "~" or "null" */
#endif
