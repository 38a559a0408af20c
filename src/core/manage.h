/* manage.h - what the flows of the management API share: who may, what the path names, bodies, pages.
 *
 * knows        the two ways to be an administrator; JSON shapes that the flows repeat
 * never knows  sockets: `in.peer_uid` says whose the caller is
 * errors       refused TOKEN, FORBIDDEN, NOT_FOUND, MALFORMED
 */
#ifndef CARNET_CORE_MANAGE_H
#define CARNET_CORE_MANAGE_H
#include "core/engine.h"
#include "core/flows.h"

#define MANAGE_GROUP "administrators" /* users and applications that may use the management resource */
#define MANAGE_PAGE 100

typedef struct Manage {
        Text slug, id;   /* of the object that the path names, after /zones/{z}/kind/ */
        Json *body;
        Text canonical;  /* apply: the document to keep */
        int64_t version;
        Texts changes;
        bool dry_run, unchanged;
        Text jwk;        /* run key */
        const Application *application;
        Text token;      /* secret that is shown once */
} Manage;

static inline Manage *manage_state(Request *r) { return r->state; }

/* The first step of every management flow. Ok: the caller administers. On the Unix socket uid 0 and the server's own uid do;
 * over TCP the bearer of a living token for {issuer}/management whose user (without one, whose application) is in the group
 * "administrators", with the scope `manage`, or `read` for GET. Makes the state. */
MUST_USE Outcome manage_admin(Request *r);
/* Like it, for one route: a uid that the zone file lists for the application may register its run key. */
MUST_USE Outcome manage_run_caller(Request *r);
MUST_USE Outcome manage_authorize(Request *r);

Text path_part(const Request *r, size_t index);          /* 0: "zones", 1: the zone, 2: the kind, 3: the object; "" past the end */
MUST_USE Outcome manage_body(Request *r);                /* the JSON object of the body, into the state */
Text manage_query(const Request *r, const char *name);
MUST_USE Outcome manage_limit(Request *r, int64_t *limit); /* 1..100, 100 when absent */
MUST_USE Outcome manage_number(Request *r, const char *name, int64_t otherwise, int64_t *out);
void manage_changed(Request *r, const char *kind);       /* this request changes something: an event, with who did it */

/* An answer {"items":[…],"page_info":{…}} */
typedef struct List {
        Buf buf;
        JsonOut out;
        size_t n, limit;
        Text last;
        bool more;
} List;

void list_begin(List *list, Request *r, int64_t limit);
bool list_full(List *list);                              /* notes that there is more */
void list_item(List *list, Text json, Text cursor);
void list_answer(List *list, Request *r);
#endif
