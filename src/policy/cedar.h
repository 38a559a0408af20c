/* cedar.h - the C face of Cedar: publish a zone's policies, then decide requests by them.
 *
 * knows        Cedar documents, the schema (cedar/schema.cedarschema), parties and the Hop context of a request
 * never knows  OAuth, tokens, JSON, where documents come from
 * lifetime     inputs are borrowed for the call only. A PolicySet is immutable and counted: policy_set_build() hands out one
 *              reference, policy_set_hold() another, policy_set_release() returns one. What policy_set_at() and a PolicyAnswer
 *              point to (ids, files, texts) lives as long as the set: hold it while you read them. A PolicyReport is the
 *              caller's until policy_report_free()
 * threads      everything may be called from any thread; one set may decide on many threads at once, without locks.
 *              policy_set_build() takes milliseconds to seconds: call it off the loops
 * errors       build: NULL, and the report says where. decide: false, with everything it could find out in the answer. A
 *              panic inside is caught and denies. Texts must be UTF-8: otherwise the call is refused
 *
 * A request is allowed only when Cedar allows it for every principal asked and no policy failed to evaluate.
 */
#ifndef CARNET_POLICY_CEDAR_H
#define CARNET_POLICY_CEDAR_H
#include "base/text.h"

#define POLICY_DOCUMENT_MAX (256 * 1024) /* bytes of one document */
#define POLICY_DEPTH_MAX 64              /* nested brackets of one document */
#define POLICY_UNSCOPED_MAX 50           /* more than this many policies without any scope is a warning */
#define POLICY_NAMED_MAX 8               /* policies an answer names per principal */

/* --- publishing ------------------------------------------------------------------------------------------------------ */

typedef struct PolicyDocument {
        Text file; /* as errors name it: "lanes.cedar" */
        Text text;
} PolicyDocument;

typedef struct PolicyGroup {
        Text slug;
        const Text *parents;
        size_t parent_count;
} PolicyGroup;

typedef struct PolicyUser {
        Text slug, identifier;
        Text email; /* .at NULL: none */
        const Text *groups;
        size_t group_count;
} PolicyUser;

typedef struct PolicyApplication {
        Text slug, identifier;
        bool registered;
        const Text *groups;
        size_t group_count;
} PolicyApplication;

typedef struct PolicyResource {
        Text slug, identifier; /* an anchor's slug is "anchor:APPLICATION" */
        Text owner;            /* slug of an application; .at NULL: none */
        bool entry;
} PolicyResource;

/* All that a policy of the zone may name. A group that a party is in need not be listed; list those with parents. */
typedef struct PolicyZone {
        const PolicyDocument *documents;
        size_t document_count;
        bool managed; /* with cedar/managed.cedar, as file "managed.cedar" */
        const PolicyGroup *groups;
        size_t group_count;
        const PolicyUser *users;
        size_t user_count;
        const PolicyApplication *applications;
        size_t application_count;
        const PolicyResource *resources;
        size_t resource_count;
} PolicyZone;

typedef struct PolicyProblem {
        Text file;           /* empty: not in a document (an entity of the zone) */
        uint32_t line, column; /* from 1; 0: unknown */
        bool warning;
        Text message;        /* one line */
        Text line_text;      /* "lanes.cedar:12:3: message", for people */
} PolicyProblem;

typedef struct PolicyReport {
        const PolicyProblem *problems; /* errors first, each kind in order of files and lines */
        size_t count, error_count;
} PolicyReport;

typedef struct PolicySet PolicySet;

/* NULL when something is refused; *report is set in either case (warnings), except without memory. `report` may be NULL. */
MUST_USE PolicySet *policy_set_build(const PolicyZone *zone, PolicyReport **report);
/* For `carnet policy check`: one document against limits, syntax, schema and ids; entities need not exist. True: no error. */
MUST_USE bool policy_check_text(Text file, Text text, PolicyReport **report);
void policy_report_free(PolicyReport *report); /* NULL is fine */

PolicySet *policy_set_hold(PolicySet *set);    /* returns set */
void policy_set_release(PolicySet *set);       /* NULL is fine */

typedef enum PolicyEffect { POLICY_PERMIT = 1, POLICY_FORBID = 2 } PolicyEffect;

typedef struct PolicyInfo {
        Text id;   /* @id, else "FILE::policyN", N from 0 in the file */
        Text file;
        Text text; /* source of the policy, with its annotations */
        uint32_t line; /* of its first token, from 1 */
        uint32_t effect; /* PolicyEffect */
} PolicyInfo;

size_t policy_set_count(const PolicySet *set);
const PolicyInfo *policy_set_at(const PolicySet *set, size_t index); /* order of documents, managed last; NULL past the end */
bool policy_set_has_user(const PolicySet *set, Text slug);
bool policy_set_has_application(const PolicySet *set, Text slug);

Text policy_schema_text(void);  /* constant */
Text policy_managed_text(void);

/* --- deciding -------------------------------------------------------------------------------------------------------- */

typedef enum PolicyKind { POLICY_USER = 1, POLICY_APPLICATION = 2 } PolicyKind;

/* Order of the enum Proof in the schema, weakest first. */
typedef enum PolicyProof {
        POLICY_PROOF_NONE,
        POLICY_PROOF_ASSERTED,
        POLICY_PROOF_SECRET,
        POLICY_PROOF_KEY,
        POLICY_PROOF_WORKLOAD,
        POLICY_PROOF_MTLS,
} PolicyProof;

enum { POLICY_READ = 1, POLICY_WRITE = 2, POLICY_DELETE = 4, POLICY_ADMINISTER = 8 };

typedef struct PolicyPrincipal {
        uint32_t kind; /* PolicyKind */
        Text slug;
} PolicyPrincipal;

typedef struct PolicyRequest {
        PolicyPrincipal principals[2]; /* subject, then caller; one context serves both */
        size_t principal_count;        /* 1 or 2; equal principals are asked once */
        Text action;                   /* "exchange", …: an action of the schema that is not a group */
        Text resource;                 /* slug, or "anchor:SLUG" */
        /* the Hop */
        Text session;
        Text subject;                  /* slug of a user; .at NULL: none */
        Text origin, caller;           /* slugs of applications */
        const Text *chain;             /* slugs of applications */
        size_t chain_count;
        int64_t chain_length;
        Text via;                      /* slug of a resource; .at NULL: none */
        const Text *scopes;
        size_t scope_count;
        const Text *foreign;
        size_t foreign_count;
        int64_t now;                   /* Unix milliseconds */
        uint32_t classes;              /* POLICY_READ | … */
        uint32_t proof, weakest;       /* PolicyProof */
        bool on_behalf, impersonate, declared;
        /* Parties that the set does not know: clients known by their document only, users new since it was built. One that the
         * set does know is refused, so that no stranger is taken for a party of the zone: ask policy_set_has_…() first. */
        const PolicyUser *extra_users;
        size_t extra_user_count;
        const PolicyApplication *extra_applications;
        size_t extra_application_count;
} PolicyRequest;

/* The answer for one principal. */
typedef struct PolicyVerdict {
        bool allowed;
        uint32_t policy_count;                        /* of policies[]: those that decided; none: no policy permits it */
        uint32_t failed_count;                        /* of failed[]: those that could not be evaluated */
        const PolicyInfo *policies[POLICY_NAMED_MAX]; /* the forbids if one applies, else the permits; order of the set */
        const PolicyInfo *failed[POLICY_NAMED_MAX];
} PolicyVerdict;

typedef struct PolicyAnswer {
        bool allowed;              /* every verdict is */
        uint32_t verdict_count;    /* 0: the request was not understood, see `error` */
        PolicyVerdict verdicts[2]; /* by principal; the second repeats the first when the principals are equal */
        char error[200];           /* "" or one line: the request's fault, or why the first failed policy failed */
} PolicyAnswer;

/* One decision. Returns answer->allowed. */
MUST_USE bool policy_decide(const PolicySet *set, const PolicyRequest *request, PolicyAnswer *answer);
/* The verdict that a refusal should be explained by: one with a forbid, else one with an error, else the first not allowed;
 * NULL when allowed or not understood. */
const PolicyVerdict *policy_answer_refusing(const PolicyAnswer *answer);
#endif
