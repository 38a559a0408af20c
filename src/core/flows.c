#include "core/flows.h"

static const Route routes[] = {
#define ROUTE(listener, method, path, flow) {LISTENER_##listener, method, path, &flow_##flow},
#include "core/routes.def"
#undef ROUTE
};

/* Segment by segment; "{x}" matches one non-empty segment. */
static bool path_matches(Text pattern, Text path) {
        while (pattern.len && path.len) {
                size_t p = text_find(text_sub(pattern, 1, pattern.len), '/') + 1, q = text_find(text_sub(path, 1, path.len), '/') + 1;
                Text want = text_sub(pattern, 0, p), have = text_sub(path, 0, q);
                bool hole = want.len > 2 && want.at[1] == '{';
                if (hole ? have.len < 2 : !text_equal(want, have))
                        return false;
                pattern = text_sub(pattern, p, pattern.len);
                path = text_sub(path, q, path.len);
        }
        return !pattern.len && !path.len;
}

const Route *route_find(Listener listener, Text method, Text path, bool *known_path) {
        *known_path = false;
        for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
                if (routes[i].listener != listener || !path_matches(text_of(routes[i].path), path))
                        continue;
                *known_path = true;
                if (text_is(method, routes[i].method))
                        return &routes[i];
        }
        return NULL;
}
