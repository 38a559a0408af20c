/* outcome.h - how a function ended.
 *
 * knows        four endings: ok, wait, refused, fault
 * never knows  what a refusal's row means (core/refusals.def does)
 * lifetime     a value; `why` points to a constant or into the request's arena
 *
 * An Outcome is a struct so that `if (verify(t))` does not compile, and functions that return one are MUST_USE.
 * The zero value is a fault: an assignment that was forgotten refuses.
 */
#ifndef CARNET_BASE_OUTCOME_H
#define CARNET_BASE_OUTCOME_H
#include <stdbool.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

typedef enum OutcomeEnd {
        OUTCOME_UNSET = 0, /* counts as a fault */
        OUTCOME_OK,
        OUTCOME_WAIT,      /* a need was begun and is not answered yet */
        OUTCOME_REFUSED,   /* `row` says which refusal; 0 is "malformed", for ground code that knows no rows */
        OUTCOME_FAULT,     /* a bug, or the environment */
} OutcomeEnd;

typedef struct Outcome {
        OutcomeEnd end;
        int row;
        const char *why;
        const char *where; /* function that ended so */
} Outcome;

#define outcome_good() ((Outcome){.end = OUTCOME_OK})
#define outcome_wait() ((Outcome){.end = OUTCOME_WAIT, .where = __func__})
#define outcome_refuse(r, reason) ((Outcome){.end = OUTCOME_REFUSED, .row = (r), .why = (reason), .where = __func__})
#define outcome_fault(reason) ((Outcome){.end = OUTCOME_FAULT, .why = (reason), .where = __func__})
/* Ground code (base, crypto, wire) says no without knowing any row. */
#define outcome_malformed(reason) outcome_refuse(0, reason)

static inline bool outcome_ok(Outcome o) { return o.end == OUTCOME_OK; }
static inline bool outcome_waits(Outcome o) { return o.end == OUTCOME_WAIT; }
static inline bool outcome_refused(Outcome o) { return o.end == OUTCOME_REFUSED; }

#define TRY(expr)                                                                                                      \
        do {                                                                                                           \
                Outcome try_ = (expr);                                                                                 \
                if (!outcome_ok(try_))                                                                                 \
                        return try_;                                                                                   \
        } while (0)

#define ENSURE(cond, otherwise)                                                                                        \
        do {                                                                                                           \
                if (!(cond))                                                                                           \
                        return (otherwise);                                                                            \
        } while (0)

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]) + 0 * sizeof(char[1 - 2 * __builtin_types_compatible_p(__typeof__(a), __typeof__(&(a)[0]))]))
#endif
