#include "store/statements.h"

/* Both lists name the same statements: a name that ledger.def lacks does not compile below, -Woverride-init catches one
 * that stands twice, the assertion one that is missing. */
enum {
        TEXT_NONE_,
#define READ(name, sql) TEXT_OF_##name,
#define WRITE(name, sql) TEXT_OF_##name,
#define FREE(name, sql) TEXT_OF_##name,
#include "store/statements.def"
#undef READ
#undef WRITE
#undef FREE
        TEXT_COUNT
};
_Static_assert((int)TEXT_COUNT == (int)STATEMENT_COUNT, "store/statements.def and core/ledger.def differ in number");

const StatementSql statement_sql[STATEMENT_COUNT] = {
#define READ(name, sql) [READ_##name] = {sql, false},
#define WRITE(name, sql) [WRITE_##name] = {sql, true},
#define FREE(name, sql) [WRITE_##name] = {sql, false},
#include "store/statements.def"
#undef READ
#undef WRITE
#undef FREE
};

const StatementInfo statement_types[STATEMENT_COUNT] = {
#define READ(name, params, columns) [READ_##name] = {#name, params, columns},
#define WRITE(name, params) [WRITE_##name] = {#name, params, NULL},
#include "core/ledger.def"
#undef READ
#undef WRITE
};

int statement_extra(Statement statement) {
        switch (statement) {
        case WRITE_event_append:
        case READ_events_of_session:
                return 2;
        case WRITE_cut_add:
                return 1;
        default:
                return 0;
        }
}
