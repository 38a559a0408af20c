/* session.h - the tree that every credential hangs on (delegation.md 2). */
#ifndef CARNET_CORE_SESSION_H
#define CARNET_CORE_SESSION_H
#include "core/request.h"

#define SESSION_LEVELS 4
#define SESSION_CHILDREN 32

typedef struct Session {
        Text id, parent, root;     /* parent "" for a root */
        int64_t level;             /* 0: root */
        Text user, application, client_id, browser; /* slugs; browser: hex digest of the sign-in cookie, "" without */
        int64_t opened, idle, ends, last_used;
        bool stay;
} Session;

/* Refused CLOSED when unknown, past its end or idle; the cut is a condition of every issuing commit and is asked by
 * session_alive() where a better sentence helps. */
MUST_USE Outcome session_read(Request *r, Text id, Session *out);
/* Fills a new root (id by need_id): the zone's idle and absolute times, longer when `stay`. */
MUST_USE Outcome session_begin(Request *r, Text user, Text application, Text client_id, Text browser, bool stay, Session *out);
void session_write(Request *r, const Session *session);           /* adds the insert to the batch */
void session_touch(Request *r, const Session *session);           /* last use, once a minute */
MUST_USE Outcome session_open_root(Request *r, Text user, Text application, Text browser, Text *id); /* "" when none is open */
/* The session and its ancestors, root last. */
MUST_USE Outcome session_line(Request *r, const Session *session, Texts *ids);
/* Adds the cut and its event's words; closing a node closes all below it. kind: "session", "authorization", "user", … */
void cut_write(Request *r, const char *kind, Text id, Text known_as); /* known_as: what tokens call a party, "" for ids */
/* First cut that applies to any of these, as a sentence; "" when alive. `began`: of the authorization. */
MUST_USE Outcome cut_find(Request *r, Texts ids, Texts parties, int64_t began, Text *kind);
#endif
