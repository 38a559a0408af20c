/* need.h - what a step may lack, and how it asks for it.
 *
 * knows        kinds of needs, their arguments and answers, the memo
 * never knows  who answers (the world), sockets, SQL, algorithms
 * lifetime     arguments and answers live on the request's arena
 * errors       each need_*() ends ok (answer filled), wait (the engine parks the request and runs the step again from its
 *              top), or fault (the world failed, or a re-run asked something else)
 *
 * The memo key is (step, ordinal, kind, digest of the arguments). A step that runs again must ask the same needs in the
 * same order: so no clock, no randomness but through needs, and results are written into the request in one go after
 * the last need of the step.
 */
#ifndef CARNET_CORE_NEED_H
#define CARNET_CORE_NEED_H
#include "base/id.h"
#include "core/ledger.h"
#include "policy/cedar.h"

typedef struct Request Request;

typedef enum NeedKind {
        NEED_RANDOM,   /* bytes */
        NEED_READ,     /* rows */
        NEED_COMMIT,   /* the request's writes and its event */
        NEED_VERIFY,   /* is this JWS signed by one of these keys? */
        NEED_SIGN,     /* a compact JWS over these claims by the zone's key of an algorithm */
        NEED_DECIDE,   /* a Cedar decision */
        NEED_PASSWORD, /* does this password match that argon2id string; or make one */
        NEED_FETCH,    /* a document, or an upstream's answer */
        NEED_SEAL,     /* bytes -> sealed bytes, under a context */
        NEED_OPEN,     /* sealed bytes -> bytes */
        NEED_MAC,      /* keyed digest of a text, under a context: form tokens, cookies */
        NEED_PUBLISH,  /* parse a zone document, build its policies, swap the snapshot (management) */
        NEED_CONTROL,  /* things of this process: run keys, key rotation, limits (management) */
} NeedKind;

typedef enum KeySource {
        KEYS_OF_ZONE,        /* tokens that this zone signed */
        KEYS_OF_APPLICATION, /* keys that `carnet run` registered for this application slug */
        KEYS_GIVEN,          /* a JWKS document, e.g. of a metadata document or of the zone file */
} KeySource;

typedef struct VerifyAsk {
        Text token; /* compact JWS */
        KeySource source;
        Text application; /* KEYS_OF_APPLICATION */
        Text jwks;        /* KEYS_GIVEN: JSON */
} VerifyAsk;

typedef struct Verified {
        bool valid;          /* the signature, nothing else: typ, aud, exp, session are asked each time by who uses it */
        Text claims;         /* JSON, only when valid */
        Text kid, typ;       /* of its header; "" when absent */
} Verified;

typedef struct SignAsk {
        Text algorithm, type; /* "ES256", "at+jwt" */
        Text claims;          /* JSON object */
} SignAsk;

typedef struct FetchAsk {
        Text purpose;      /* "client-metadata", "jwks", "upstream": the world picks CA, address rules and size caps by it */
        Text method, url;
        Text content_type, body;
        Text authorization; /* header value or none; never logged */
        Text accept;
        bool loopback;      /* the zone allows loopback addresses for this */
} FetchAsk;

typedef struct Fetched {
        int status;        /* 0: no answer; `why` says */
        Text body, content_type, why;
        int64_t max_age;   /* seconds, from Cache-Control; 0 unknown */
} Fetched;

MUST_USE Outcome need_random(Request *r, uint8_t *out, size_t n);             /* n <= 64 */
MUST_USE Outcome need_id(Request *r, char kind, Text *out);                   /* id.h's form, by the request's clock */
MUST_USE Outcome need_secret(Request *r, Text *out);                          /* 256 random bits as base32: codes, refresh tokens, cookies */
MUST_USE Outcome need_read(Request *r, Statement s, const Value *params, size_t n, Rows *out);
MUST_USE Outcome need_verify(Request *r, const VerifyAsk *ask, Verified *out);
MUST_USE Outcome need_sign(Request *r, const SignAsk *ask, Text *out);
MUST_USE Outcome need_decide(Request *r, const PolicyRequest *ask, PolicyAnswer *out);
MUST_USE Outcome need_password_check(Request *r, Text stored, Text password, bool *out); /* stored "" still costs the same */
MUST_USE Outcome need_password_hash(Request *r, Text password, Text *out);
MUST_USE Outcome need_fetch(Request *r, const FetchAsk *ask, Fetched *out);
MUST_USE Outcome need_seal(Request *r, Text context, Text bytes, Text *out);
MUST_USE Outcome need_open(Request *r, Text context, Text sealed, Text *out); /* refused (row 0) when it cannot be opened */
MUST_USE Outcome need_mac(Request *r, Text context, Text bytes, Text *out);   /* 43 characters of base64url */
/* zone named by the request's zone or, for a first apply, by `zone`; document as kept in the ledger. Answer: JSON
 * {"changes":[…],"canonical":…} or {"error":"file:line: …"} */
MUST_USE Outcome need_publish(Request *r, Text document, bool dry_run, Text *out);
MUST_USE Outcome need_control(Request *r, Text verb, Text json, Text *out);   /* verbs: run-key, rotate-key, limit */
MUST_USE Outcome need_commit(Request *r, const Batch *batch, Commit *out);

/* Shorter reads: need_read_t(r, READ_session_get, &rows, id) with text parameters after the zone. */
MUST_USE Outcome need_read_texts(Request *r, Statement s, Rows *out, size_t n, const Text *params);
#define need_read_t(r, s, out, ...)                                                                                    \
        need_read_texts((r), (s), (out), sizeof((Text[]){__VA_ARGS__}) / sizeof(Text), (const Text[]){__VA_ARGS__})

/* For worlds. A need as they see it; `slot` and `generation` name it, late answers are dropped. */
typedef struct Need {
        struct Need *next;
        NeedKind kind;
        unsigned step, ordinal;
        uint64_t digest;
        bool begun, answered;
        Outcome end; /* ok, or refused row 0, or fault */
        union {
                struct { size_t n; } random;
                struct { Statement statement; const Value *params; size_t n; } read;
                const Batch *commit;
                VerifyAsk verify;
                SignAsk sign;
                const PolicyRequest *decide;
                struct { Text stored, password; bool make; } password;
                FetchAsk fetch;
                struct { Text context, bytes; } seal; /* also open, mac */
                struct { Text document; bool dry_run; } publish;
                struct { Text verb, json; } control;
        } ask;
        union {
                uint8_t random[64];
                Rows rows;
                Commit commit;
                Verified verified;
                PolicyAnswer decision;
                bool flag;
                Text text;
                Fetched fetched;
        } answer;
} Need;
#endif
