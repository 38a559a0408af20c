#include "core/authorization.h"
#include "base/jsonscan.h"
#include <stdlib.h>

#define EDGES_SCANNED 64

static Outcome edges_tree(Request *r, Text json, Authority *out) {
        Json *list;
        TRY(json_read(r->arena, json, &list));
        size_t n = json_array_size(list);
        *out = (Authority){0};
        out->at = arena_array(r->arena, Edge, n ? n : 1);
        ENSURE(out->at, outcome_fault("memory"));
        for (size_t i = 0; i < n; i++) {
                const Json *item = json_array_get(list, i);
                int64_t classes = CLASS_ALL;
                json_int(item, "classes", &classes);
                out->at[out->n++] = (Edge){.application = json_text(item, "application"), .resource = json_text(item, "resource"),
                                           .scopes = json_texts(r->arena, item, "scopes"), .classes = (unsigned)classes,
                                           .offline = json_bool(item, "offline", false)};
        }
        return outcome_good();
}

static bool edge_scan(Request *r, Text item, Edge *out) {
        JsonScan scan = json_scan(item);
        Text name, value;
        int64_t classes = CLASS_ALL;
        *out = (Edge){0};
        while (json_scan_next(&scan, &name, &value)) {
                if (text_is(name, "application") && !json_scan_string(value, &out->application))
                        return false;
                if (text_is(name, "resource") && !json_scan_string(value, &out->resource))
                        return false;
                if (text_is(name, "scopes") && !json_scan_texts(r->arena, value, &out->scopes))
                        return false;
                if (text_is(name, "classes") && !outcome_ok(text_int(value, &classes)))
                        return false;
                if (text_is(name, "offline"))
                        out->offline = text_is(value, "true");
        }
        out->classes = (unsigned)classes;
        return json_scan_done(&scan);
}

/* authority_print() made it; what it had to escape is read the long way. */
static bool edges_scan(Request *r, Text json, Authority *out) {
        JsonScan scan = json_scan(json);
        Text name, item;
        Edge edges[EDGES_SCANNED];
        size_t n = 0;
        while (json_scan_next(&scan, &name, &item))
                if (n == EDGES_SCANNED || !edge_scan(r, item, &edges[n++]))
                        return false;
        out->at = arena_copy(r->arena, edges, n * sizeof *edges);
        out->n = n;
        return out->at && json_scan_done(&scan);
}

Outcome authorization_edges(Request *r, Authorization *a) {
        if (edges_scan(r, a->edges_json, &a->authority))
                return outcome_good();
        return edges_tree(r, a->edges_json, &a->authority);
}

Outcome authorization_grants(Request *r, Authorization *out) {
        Json *list;
        TRY(json_read(r->arena, out->granted_json, &list));
        size_t n = json_array_size(list);
        out->granted = arena_array(r->arena, Granted, n ? n : 1);
        ENSURE(out->granted, outcome_fault("memory"));
        for (size_t i = 0; i < n; i++) {
                const Json *item = json_array_get(list, i);
                out->granted[out->n_granted++] = (Granted){json_text(item, "resource"), json_texts(r->arena, item, "scopes")};
        }
        return outcome_good();
}

Outcome authorization_read(Request *r, Text id, Authorization *out) {
        Rows rows;
        TRY(need_read_t(r, READ_authorization_get, &rows, id));
        ENSURE(rows.n == 1, refuse(r, REFUSAL_CLOSED, "there is no such authorization"));
        *out = (Authorization){
                .id = rows_text(&rows, 0, 0), .session = rows_text(&rows, 0, 1), .user = rows_text(&rows, 0, 2),
                .application = rows_text(&rows, 0, 3), .client_id = rows_text(&rows, 0, 4),
                .document_digest = rows_text(&rows, 0, 7), .created = rows_int(&rows, 0, 8), .ends = rows_int(&rows, 0, 9),
                .edges_json = rows_text(&rows, 0, 5), .granted_json = rows_text(&rows, 0, 6),
        };
        ENSURE(r->now < out->ends, refuse(r, REFUSAL_CLOSED, "the authorization has reached its end; sign in again"));
        return outcome_good();
}

void authorization_write(Request *r, const Authorization *a) {
        request_put(r, WRITE_authorization_add, REFUSAL_CONFLICT, value_text(r->zone->slug), value_text(a->id), value_text(a->session),
                    value_text(a->user), value_text(a->application), value_text(a->client_id),
                    value_text(authority_print(r->arena, &a->authority)), value_text(granted_print(r->arena, a->granted, a->n_granted)),
                    value_text(a->document_digest), value_int(a->created), value_int(a->ends));
}

const Edge *authority_edge(const Authority *authority, Text application, Text resource) {
        for (size_t i = 0; i < authority->n; i++)
                if (text_equal(authority->at[i].application, application) && text_equal(authority->at[i].resource, resource))
                        return &authority->at[i];
        return NULL;
}

const Granted *authorization_granted(const Authorization *authorization, Text resource) {
        for (size_t i = 0; i < authorization->n_granted; i++)
                if (text_equal(authorization->granted[i].resource, resource))
                        return &authorization->granted[i];
        return NULL;
}

static int edge_order(const void *a, const void *b) {
        const Edge *x = a, *y = b;
        int order = text_order(x->application, y->application);
        return order ? order : text_order(x->resource, y->resource);
}

static int word_order(const void *a, const void *b) { return text_order(*(const Text *)a, *(const Text *)b); }

static Texts sorted(Arena *arena, Texts list) {
        Texts copy = {arena_copy(arena, list.at, list.n * sizeof(Text)), list.n};
        if (copy.at && copy.n)
                qsort(copy.at, copy.n, sizeof *copy.at, word_order);
        return copy;
}

Text authority_print(Arena *arena, const Authority *authority) {
        Buf buf = buf_new(arena, 512);
        JsonOut out = json_out(&buf);
        Edge *edges = arena_copy(arena, authority->at, authority->n * sizeof *edges);
        if (edges && authority->n)
                qsort(edges, authority->n, sizeof *edges, edge_order);
        json_open(&out, NULL, '[');
        for (size_t i = 0; edges && i < authority->n; i++) {
                json_open(&out, NULL, '{');
                json_put_text(&out, "application", edges[i].application);
                json_put_text(&out, "resource", edges[i].resource);
                json_put_texts(&out, "scopes", sorted(arena, edges[i].scopes));
                json_put_int(&out, "classes", edges[i].classes);
                if (edges[i].offline)
                        json_put_bool(&out, "offline", true);
                json_close(&out, '}');
        }
        json_close(&out, ']');
        return buf_done(&buf);
}

Text granted_print(Arena *arena, const Granted *granted, size_t n) {
        Buf buf = buf_new(arena, 256);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '[');
        for (size_t i = 0; i < n; i++) {
                json_open(&out, NULL, '{');
                json_put_text(&out, "resource", granted[i].resource);
                json_put_texts(&out, "scopes", sorted(arena, granted[i].scopes));
                json_close(&out, '}');
        }
        json_close(&out, ']');
        return buf_done(&buf);
}
