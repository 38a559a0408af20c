/* request.h - one request on its way through the engine: what came in, where it stands, what goes out.
 *
 * knows        parties and words of the protocol
 * never knows  header names, sockets, SQL
 * lifetime     the arena's, which the listener makes and frees after the answer has left
 */
#ifndef CARNET_CORE_REQUEST_H
#define CARNET_CORE_REQUEST_H
#include "base/json.h"
#include "core/model.h"
#include "core/need.h"
#include "core/refusal.h"
#include "core/world.h"

typedef struct Param {
        Text name, value;
} Param;

typedef struct Params {
        const Param *at;
        size_t n;
} Params;

/* What the listener read. `form` is the body of a POST, `query` the URL's. */
typedef struct In {
        Text method, path;           /* path below the issuer, e.g. "/token" */
        Params query, form;
        Text raw_query;              /* still encoded, for pages that carry the request on */
        Text body;                   /* JSON bodies */
        bool broken;                 /* the query or the form could not be read: refused before any step */
        bool has_basic, basic_broken;
        Text basic_id, basic_secret;         /* as sent */
        Text basic_id_form, basic_secret_form; /* form-decoded (RFC 6749 2.3.1) */
        Text bearer;                 /* token of the Authorization header */
        Text cookie;                 /* sign-in cookie's value */
        Text pre_cookie;             /* of a browser that has not signed in yet */
        Text source;                 /* peer address, for counts and limits */
        Text trace;                  /* valid W3C traceparent */
        Text origin;                 /* Origin header */
        bool secure;                 /* came by TLS, or a trusted proxy says so */
        bool json_wanted;            /* no HTML: Accept prefers JSON */
        int64_t peer_uid;            /* Unix socket: the caller's uid; -1 otherwise */
        uint64_t connection;         /* names the connection, for run keys */
} In;

typedef enum AnswerKind {
        ANSWER_NONE,     /* counts as a fault */
        ANSWER_JSON,
        ANSWER_HTML,
        ANSWER_REDIRECT, /* 303 to `location` */
        ANSWER_EMPTY,
        ANSWER_FEED,     /* Server-Sent Events of cuts after `feed_after`; the listener streams them */
        ANSWER_EVENTS,   /* Server-Sent Events of the ledger's events after `feed_after` */
        ANSWER_TEXT,
} AnswerKind;

typedef struct Answer {
        AnswerKind kind;
        int status;
        Text body, location;
        Text set_cookie, set_pre_cookie; /* values; "" leaves alone */
        bool clear_cookie;
        int64_t retry_after;             /* seconds, 0 none */
        bool challenge_basic;            /* 401 with WWW-Authenticate: Basic */
        bool cacheable;                  /* public documents; everything else is no-store */
        int64_t feed_after;
        Text feed_session;
} Answer;

typedef struct Step {
        const char *name;
        Outcome (*run)(Request *r);
} Step;

/* A kind of request. The last step is `record`: it runs always, refused or not. */
typedef struct Flow {
        const char *name;
        const Step *steps;
        size_t n;
} Flow;

/* What will be remembered of the request: filled by steps as they learn it, written by record (core/event.h). */
typedef struct EventDraft {
        Text id;                     /* decision id = jti of what is issued */
        const char *kind;            /* "exchange", "sign-in", … */
        const char *outcome;         /* NULL: "allowed" or "refused", as the request ended */
        bool wanted;                 /* false: counted, not an event (strangers, introspection) */
        Text user, application, client_id, resource, session, root, authorization, hop;
        Texts chain, scopes;
        unsigned classes;
        const char *action;
        Text credential, issued, cutoff, tool;
        int64_t expires;
        Text extra;                  /* JSON object members to append, without braces: "\"calls\":[…]" */
} EventDraft;

/* Policies that decided, for the event and for the refusal's sentence. */
typedef struct Decision {
        bool made, allowed;
        const PolicyAnswer *answer;
        Text refused_for;            /* party whose request was refused */
} Decision;

struct Request {
        World *world;
        Arena *arena;
        const Snapshot *snapshot;
        const Zone *zone;            /* NULL only for process-wide management */
        int64_t now, now_ms;         /* read once */

        In in;
        Answer answer;
        const Flow *flow;
        void *state;                 /* the flow's own: TokenState, AuthorizeState, … */

        EventDraft event;
        Decision decision;
        Batch batch;                 /* writes so far; record commits them with the event */
        Batch on_refusal;            /* writes that a refusal carries: a replayed code cuts its authorization */
        Texts guard_ids, guard_parties; /* what must not be cut when this commits: ids, "user:sara" */
        int64_t guard_began;         /* when the authorization began: cuts of parties bind what began before them */
        Outcome ended;               /* how the steps before record ended */
        const char *stopped_at;      /* step that refused */
        Text why;                    /* one line for people */
        Text authorization_url;      /* insufficient_authorization: where the user can mend it */

        /* the engine's own */
        unsigned step, ordinal;
        bool parked, running, done;
        bool named_late;             /* record had to make the event's id */
        size_t batch_mark, refusal_mark; /* a step that runs again writes anew from here */
        Need *memo;
        void (*on_done)(Request *r, void *arg);
        void *arg;
        unsigned slot, generation;   /* the world's name for it */
};

/* Refuses with a sentence. Use: return refuse(r, REFUSAL_SCOPE, "…", …). The sentence goes to the client: no secrets. */
Outcome refuse(Request *r, RefusalRow row, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* A write that happens only if the request is refused. */
void request_write_refusal(Request *r, Statement s, const Value *params, size_t n);
Text params_one(Params params, const char *name, bool *repeated); /* "" when absent */
Texts params_all(Arena *arena, Params params, const char *name);
Text in_form(const Request *r, const char *name);                 /* one form parameter; "" when absent */
MUST_USE Outcome request_form_check(Request *r);                    /* RFC 6749 3.2: each once, none in the URL; else refused MALFORMED */
/* Adds a write to the batch. `refusal` is how the request ends when the write's condition fails. */
void request_write(Request *r, Statement s, int refusal, const Value *params, size_t n);
#define request_put(r, s, refusal, ...)                                                                                \
        request_write((r), (s), (refusal), (const Value[]){__VA_ARGS__}, sizeof((Value[]){__VA_ARGS__}) / sizeof(Value))
/* JSON answer from a Buf that holds an object. */
void answer_json(Request *r, int status, Text body);
#endif
