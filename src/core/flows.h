/* flows.h - which kind of request a path is: routes.def names them all. */
#ifndef CARNET_CORE_FLOWS_H
#define CARNET_CORE_FLOWS_H
#include "core/request.h"

typedef enum Listener { LISTENER_PUBLIC = 1, LISTENER_MANAGEMENT = 2 } Listener;

typedef struct Route {
        Listener listener;
        const char *method, *path; /* path below the issuer (public) or the whole path (management); "{x}" matches a segment */
        const Flow *flow;
} Route;

/* The matching route, or NULL; *known_path says whether another method would have matched. */
const Route *route_find(Listener listener, Text method, Text path, bool *known_path);
#define FLOW(name) extern const Flow flow_##name;
#include "core/flows.def"
#undef FLOW
#endif
