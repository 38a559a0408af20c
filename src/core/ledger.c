#include "core/ledger.h"

static const StatementInfo statements[STATEMENT_COUNT] = {
#define READ(name, params, columns) [READ_##name] = {#name, params, columns},
#define WRITE(name, params) [WRITE_##name] = {#name, params, NULL},
#include "core/ledger.def"
#undef READ
#undef WRITE
};

const StatementInfo *statement_info(Statement statement) {
        return statement > STATEMENT_NONE && statement < STATEMENT_COUNT ? &statements[statement] : NULL;
}
