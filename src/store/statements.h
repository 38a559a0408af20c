/* statements.h - every statement: its name and types (core/ledger.def), its SQL (store/statements.def). */
#ifndef CARNET_STORE_STATEMENTS_H
#define CARNET_STORE_STATEMENTS_H
#include "core/ledger.h"

typedef struct StatementSql {
        const char *text;
        bool must_change; /* a write that changes no row has failed its condition */
} StatementSql;

extern const StatementSql statement_sql[STATEMENT_COUNT];
extern const StatementInfo statement_types[STATEMENT_COUNT];
int statement_extra(Statement statement); /* the driver's own parameters, after those of ledger.def */
#endif
