#include "base/yaml.h"
#include <yaml.h>

typedef struct Reader {
        yaml_parser_t parser;
        Arena *arena;
        YamlProblem *problem;
        size_t nodes;
} Reader;

static Outcome reader_fail(Reader *reader, yaml_mark_t mark, Text what) {
        *reader->problem = (YamlProblem){(unsigned)mark.line + 1, (unsigned)mark.column + 1, what};
        return outcome_malformed("the YAML document cannot be used");
}

static Outcome reader_fail_parser(Reader *reader) {
        const yaml_parser_t *p = &reader->parser;
        Text what = text_print(reader->arena, "not YAML: %s", p->problem ? p->problem : "memory");
        return reader_fail(reader, p->problem_mark.line || p->problem_mark.column ? p->problem_mark : p->mark, what);
}

static Outcome reader_next(Reader *reader, yaml_event_t *event) {
        ENSURE(yaml_parser_parse(&reader->parser, event), reader_fail_parser(reader));
        return outcome_good();
}

/* A list or map grows at every power of two. */
static Outcome node_add(Reader *reader, YamlNode *node, YamlPair pair, yaml_mark_t mark) {
        ENSURE(node->n < YAML_CHILDREN, reader_fail(reader, mark, TEXT("too many entries")));
        if ((node->n & (node->n - 1)) == 0) {
                YamlPair *more = arena_array(reader->arena, YamlPair, node->n ? node->n * 2 : 1);
                ENSURE(more, outcome_fault("memory"));
                if (node->n)
                        memcpy(more, node->at, node->n * sizeof *more);
                node->at = more;
        }
        node->at[node->n++] = pair;
        return outcome_good();
}

static const YamlPair *map_pair(const YamlNode *map, Text key) {
        for (size_t i = 0; i < map->n; i++)
                if (text_equal(map->at[i].key->text, key))
                        return &map->at[i];
        return NULL;
}

/* Anchors make aliases and bombs of them; tags make types that our schema does not know. */
static Outcome event_plain(Reader *reader, const yaml_event_t *event) {
        const yaml_char_t *anchor = NULL, *tag = NULL;
        switch (event->type) {
        case YAML_ALIAS_EVENT:
                return reader_fail(reader, event->start_mark, TEXT("aliases are not allowed"));
        case YAML_SCALAR_EVENT:
                anchor = event->data.scalar.anchor;
                tag = event->data.scalar.tag;
                break;
        case YAML_SEQUENCE_START_EVENT:
                anchor = event->data.sequence_start.anchor;
                tag = event->data.sequence_start.tag;
                break;
        case YAML_MAPPING_START_EVENT:
                anchor = event->data.mapping_start.anchor;
                tag = event->data.mapping_start.tag;
                break;
        default:
                break;
        }
        ENSURE(!anchor, reader_fail(reader, event->start_mark, TEXT("anchors are not allowed")));
        ENSURE(!tag, reader_fail(reader, event->start_mark, TEXT("tags are not allowed")));
        return outcome_good();
}

static Outcome node_begin(Reader *reader, const yaml_event_t *event, unsigned depth, YamlNode **out) {
        TRY(event_plain(reader, event));
        ENSURE(depth <= YAML_DEPTH, reader_fail(reader, event->start_mark, TEXT("nested too deep")));
        ENSURE(++reader->nodes <= YAML_NODES, reader_fail(reader, event->start_mark, TEXT("too many values")));
        YamlNode *node = arena_new_of(reader->arena, YamlNode);
        ENSURE(node, outcome_fault("memory"));
        node->line = (unsigned)event->start_mark.line + 1;
        node->column = (unsigned)event->start_mark.column + 1;
        *out = node;
        return outcome_good();
}

static Outcome node_read(Reader *reader, yaml_event_t *event, unsigned depth, YamlNode **out);

static Outcome node_key(Reader *reader, const YamlNode *map, const YamlNode *key, yaml_mark_t mark) {
        ENSURE(key->kind == YAML_TEXT, reader_fail(reader, mark, TEXT("a key must be a word")));
        ENSURE(key->quoted || !text_is(key->text, "<<"), reader_fail(reader, mark, TEXT("merge keys are not allowed")));
        const YamlPair *other = map_pair(map, key->text);
        ENSURE(!other, reader_fail(reader, mark, text_print(reader->arena, "duplicate key (also on line %u)", other->key->line)));
        return outcome_good();
}

static Outcome node_children(Reader *reader, YamlNode *node, unsigned depth) {
        yaml_event_type_t end = node->kind == YAML_MAP ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
        for (;;) {
                yaml_event_t event;
                TRY(reader_next(reader, &event));
                yaml_mark_t mark = event.start_mark;
                YamlNode *key = NULL, *value = NULL;
                if (event.type == end) {
                        yaml_event_delete(&event);
                        return outcome_good();
                }
                if (node->kind == YAML_MAP) {
                        TRY(node_read(reader, &event, depth + 1, &key));
                        TRY(node_key(reader, node, key, mark));
                        TRY(reader_next(reader, &event));
                }
                TRY(node_read(reader, &event, depth + 1, &value));
                TRY(node_add(reader, node, (YamlPair){key, value}, mark));
        }
}

/* Takes the event over. Recursion is bounded by YAML_DEPTH. */
static Outcome node_read(Reader *reader, yaml_event_t *event, unsigned depth, YamlNode **out) {
        YamlNode *node = NULL;
        Outcome begun = node_begin(reader, event, depth, &node);
        yaml_event_type_t type = event->type;
        if (outcome_ok(begun) && type == YAML_SCALAR_EVENT) {
                node->text = text_copy(reader->arena, (Text){(const char *)event->data.scalar.value, event->data.scalar.length});
                node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
                if (!text_utf8(node->text))
                        begun = reader_fail(reader, event->start_mark, TEXT("a value holds a NUL or is not UTF-8"));
        }
        yaml_event_delete(event);
        TRY(begun);
        *out = node;
        if (type == YAML_SCALAR_EVENT)
                return outcome_good();
        node->kind = type == YAML_MAPPING_START_EVENT ? YAML_MAP : YAML_LIST;
        return node_children(reader, node, depth);
}

/* The next event, which must be of this type. */
static Outcome reader_expect(Reader *reader, yaml_event_type_t type, const char *otherwise) {
        yaml_event_t event;
        TRY(reader_next(reader, &event));
        bool fits = event.type == type;
        yaml_mark_t mark = event.start_mark;
        yaml_event_delete(&event);
        ENSURE(fits, reader_fail(reader, mark, text_of(otherwise)));
        return outcome_good();
}

static Outcome reader_document(Reader *reader, YamlNode **root) {
        yaml_event_t event;
        TRY(reader_expect(reader, YAML_STREAM_START_EVENT, "not YAML"));
        TRY(reader_expect(reader, YAML_DOCUMENT_START_EVENT, "the document is empty"));
        TRY(reader_next(reader, &event));
        TRY(node_read(reader, &event, 1, root));
        TRY(reader_expect(reader, YAML_DOCUMENT_END_EVENT, "not YAML"));
        return reader_expect(reader, YAML_STREAM_END_EVENT, "several documents in one file");
}

Outcome yaml_read(Arena *arena, Text source, const YamlNode **root, YamlProblem *problem) {
        Reader reader = {.arena = arena, .problem = problem};
        *problem = (YamlProblem){1, 1, TEXT("too large")};
        ENSURE(source.len <= YAML_BYTES, outcome_malformed("too large"));
        problem->what = TEXT("a NUL, or not UTF-8");
        ENSURE(text_utf8(source), outcome_malformed("not UTF-8"));
        ENSURE(yaml_parser_initialize(&reader.parser), outcome_fault("memory"));
        yaml_parser_set_input_string(&reader.parser, (const unsigned char *)(source.at ? source.at : ""), source.len);
        YamlNode *node = NULL;
        Outcome end = reader_document(&reader, &node);
        yaml_parser_delete(&reader.parser);
        TRY(end);
        *root = node;
        *problem = (YamlProblem){0};
        return outcome_good();
}

const YamlNode *yaml_at(const YamlNode *map, const char *key) {
        const YamlPair *pair = map && map->kind == YAML_MAP ? map_pair(map, text_of(key)) : NULL;
        return pair ? pair->value : NULL;
}

bool yaml_null(const YamlNode *node) {
        return node->kind == YAML_TEXT && !node->quoted && (!node->text.len || text_is(node->text, "~") || text_is(node->text, "null"));
}
