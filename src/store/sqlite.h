/* sqlite.h - one connection with its prepared statements.
 *
 * knows        SQLite, the statements' text, how its result codes end
 * never knows  batches, chains, threads: one thread uses a connection at a time
 * lifetime     statements live as long as the connection; rows are copied
 * errors       SqliteEnd; opening faults with the statement's name in `where`
 */
#ifndef CARNET_STORE_SQLITE_H
#define CARNET_STORE_SQLITE_H
#include "base/arena.h"
#include "core/ledger.h"
#include <sqlite3.h>

typedef enum SqliteMark { MARK_BEGIN, MARK_COMMIT, MARK_SAVE, MARK_RELEASE, MARK_UNDO, MARK_COUNT } SqliteMark;

typedef struct Sqlite {
        sqlite3 *db;
        sqlite3_stmt *marks[MARK_COUNT]; /* of transactions and their savepoints */
        sqlite3_stmt *prepared[STATEMENT_COUNT];
} Sqlite;

typedef enum SqliteEnd {
        SQLITE_END_FATAL = 0, /* I/O, corruption: nobody knows what stands on the disk */
        SQLITE_END_OK,
        SQLITE_END_CONDITION, /* a constraint, or nothing changed where something must */
        SQLITE_END_FULL,      /* disk, page limit or memory: the transaction is to be rolled back, later ones may pass */
        SQLITE_END_BUSY,      /* another process holds the file */
        SQLITE_END_BROKEN,    /* the statement itself: a bug, e.g. malformed JSON in a guard */
} SqliteEnd;

MUST_USE Outcome sqlite_open(Sqlite *out, const char *file, int64_t max_pages); /* reads and writes; statements not prepared yet */
MUST_USE Outcome sqlite_open_reading(Sqlite *out, const char *file);            /* reads are prepared */
MUST_USE Outcome sqlite_prepare(Sqlite *sqlite, bool writes);                   /* all statements, checked against ledger.def */
void sqlite_close(Sqlite *sqlite);

SqliteEnd sqlite_mark(Sqlite *sqlite, SqliteMark mark);
SqliteEnd sqlite_exec(Sqlite *sqlite, const char *sql);
int64_t sqlite_one(Sqlite *sqlite, const char *sql, int64_t otherwise);         /* first column of the first row */
SqliteEnd sqlite_end(int code);

/* `extra` are the driver's own parameters, after those of ledger.def. */
MUST_USE bool sqlite_fits(Statement statement, const Value *params, size_t n);  /* number and types as ledger.def says */
SqliteEnd sqlite_write(Sqlite *sqlite, Statement statement, const Value *params, size_t n, const Value *extra, size_t n_extra);
MUST_USE Outcome sqlite_read(Sqlite *sqlite, Statement statement, const Value *params, size_t n, const Value *extra, size_t n_extra,
                             Arena *arena, Rows *out);
#endif
