/* ledger.h - what core may ask of the ledger, without a word of SQL.
 *
 * knows        statement names with the types of their parameters and columns (ledger.def)
 * never knows  SQL, drivers, batches of other requests
 * lifetime     Rows and their cells live on the request's arena
 *
 * A request's writes are one conditional transaction (design 4.3): all of them happen, with the event, or none.
 * A write's condition has failed when a constraint refuses it or when it changes no row; `refusal` says how the request
 * then ends. Single use (codes, refresh tokens, jtis) and "no cut applies" are such conditions.
 */
#ifndef CARNET_CORE_LEDGER_H
#define CARNET_CORE_LEDGER_H
#include "base/text.h"

typedef enum Statement {
        STATEMENT_NONE,
#define READ(name, params, columns) READ_##name,
#define WRITE(name, params) WRITE_##name,
#include "core/ledger.def"
#undef READ
#undef WRITE
        STATEMENT_COUNT
} Statement;

typedef struct StatementInfo {
        const char *name, *params, *columns; /* columns NULL: a write */
} StatementInfo;

const StatementInfo *statement_info(Statement statement);

typedef enum ValueType { VALUE_NULL, VALUE_INT, VALUE_TEXT, VALUE_BLOB } ValueType;

typedef struct Value {
        ValueType type;
        int64_t i;
        Text t; /* text or blob */
} Value;

#define value_null() ((Value){.type = VALUE_NULL})
#define value_int(n) ((Value){.type = VALUE_INT, .i = (n)})
#define value_text(x) ((Value){.type = VALUE_TEXT, .t = (x)})
#define value_blob(x) ((Value){.type = VALUE_BLOB, .t = (x)})

typedef struct Rows {
        size_t n, columns;
        Value *cells; /* n * columns */
} Rows;

static inline const Value *rows_at(const Rows *rows, size_t row, size_t column) { return &rows->cells[row * rows->columns + column]; }
static inline Text rows_text(const Rows *rows, size_t row, size_t column) { return rows_at(rows, row, column)->t; }
static inline int64_t rows_int(const Rows *rows, size_t row, size_t column) { return rows_at(rows, row, column)->i; }

typedef struct Write {
        Statement statement;
        const Value *params;
        size_t n;
        int refusal; /* RefusalRow when its condition fails; 0: a fault */
} Write;

#define BATCH_MAX 24

typedef struct Batch {
        Write writes[BATCH_MAX];
        size_t n;
        bool overflow;
} Batch;

typedef enum CommitEnd {
        COMMIT_UNKNOWN = 0, /* nobody knows: refuse, and never retry with the same secrets */
        COMMIT_OK,
        COMMIT_CONDITION,   /* condition of writes[failed] */
        COMMIT_BUSY,        /* queue full or past its deadline: nothing was written */
} CommitEnd;

typedef struct Commit {
        CommitEnd end;
        size_t failed;
        int64_t seq; /* the event's, when OK */
} Commit;
#endif
