#include "store/sqlite.h"
#include "store/statements.h"
#include <ctype.h>

#define ROWS_MAX 10000
#define BUSY_MS 500

SqliteEnd sqlite_end(int code) {
        switch (code & 0xff) {
        case SQLITE_OK:
        case SQLITE_ROW:
        case SQLITE_DONE:
                return SQLITE_END_OK;
        case SQLITE_CONSTRAINT:
                return SQLITE_END_CONDITION;
        case SQLITE_FULL:
        case SQLITE_NOMEM:
                return SQLITE_END_FULL;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return SQLITE_END_BUSY;
        case SQLITE_ERROR:
        case SQLITE_MISMATCH:
        case SQLITE_RANGE:
        case SQLITE_TOOBIG:
        case SQLITE_MISUSE:
                return SQLITE_END_BROKEN;
        default: /* IOERR, CORRUPT, READONLY, CANTOPEN, NOTADB, PROTOCOL … */
                return SQLITE_END_FATAL;
        }
}

SqliteEnd sqlite_exec(Sqlite *sqlite, const char *sql) {
        return sqlite_end(sqlite3_exec(sqlite->db, sql, NULL, NULL, NULL));
}

int64_t sqlite_one(Sqlite *sqlite, const char *sql, int64_t otherwise) {
        sqlite3_stmt *st;
        if (sqlite3_prepare_v2(sqlite->db, sql, -1, &st, NULL) != SQLITE_OK)
                return otherwise;
        int64_t found = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : otherwise;
        sqlite3_finalize(st);
        return found;
}

static Outcome open_file(Sqlite *out, const char *file, int flags) {
        *out = (Sqlite){0};
        if (sqlite3_open_v2(file, &out->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL) != SQLITE_OK) {
                sqlite_close(out);
                return outcome_fault("the ledger's file cannot be opened");
        }
        sqlite3_busy_timeout(out->db, BUSY_MS);
        sqlite3_db_config(out->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        sqlite3_db_config(out->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        return outcome_good();
}

/* FULL: a commit is on the disk when it returns (WAL alone would lose the last ones at a power cut). */
Outcome sqlite_open(Sqlite *out, const char *file, int64_t max_pages) {
        TRY(open_file(out, file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
        char limit[64];
        sqlite3_snprintf(sizeof limit, limit, "PRAGMA max_page_count = %lld", (long long)max_pages);
        bool good = sqlite_exec(out, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;"
                                     "PRAGMA wal_autocheckpoint = 1000; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -65536") == SQLITE_END_OK;
        good = good && (max_pages == 0 || sqlite_exec(out, limit) == SQLITE_END_OK);
        if (!good)
                sqlite_close(out);
        return good ? outcome_good() : outcome_fault("the ledger's file is no database, or cannot be written");
}

Outcome sqlite_open_reading(Sqlite *out, const char *file) {
        TRY(open_file(out, file, SQLITE_OPEN_READONLY));
        Outcome end = sqlite_prepare(out, false);
        if (!outcome_ok(end))
                sqlite_close(out);
        return end;
}

static Outcome prepare_one(Sqlite *sqlite, Statement s) {
        const StatementInfo *types = &statement_types[s];
        Outcome wrong = {.end = OUTCOME_FAULT, .why = "a statement of the ledger does not fit its description", .where = types->name};
        sqlite3_stmt *st;
        ENSURE(sqlite3_prepare_v3(sqlite->db, statement_sql[s].text, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL) == SQLITE_OK, wrong);
        sqlite->prepared[s] = st;
        size_t params = strlen(types->params) + (size_t)statement_extra(s);
        ENSURE((size_t)sqlite3_bind_parameter_count(st) == params, wrong);
        ENSURE((size_t)sqlite3_column_count(st) == (types->columns ? strlen(types->columns) : 0), wrong);
        return outcome_good();
}

static const char *const mark_sql[MARK_COUNT] = {
        [MARK_BEGIN] = "BEGIN IMMEDIATE", [MARK_COMMIT] = "COMMIT", [MARK_SAVE] = "SAVEPOINT item",
        [MARK_RELEASE] = "RELEASE item", [MARK_UNDO] = "ROLLBACK TO item",
};

SqliteEnd sqlite_mark(Sqlite *sqlite, SqliteMark mark) {
        int code = sqlite3_step(sqlite->marks[mark]);
        sqlite3_reset(sqlite->marks[mark]);
        return sqlite_end(code);
}

Outcome sqlite_prepare(Sqlite *sqlite, bool writes) {
        for (size_t m = 0; m < MARK_COUNT; m++)
                ENSURE(sqlite3_prepare_v3(sqlite->db, mark_sql[m], -1, SQLITE_PREPARE_PERSISTENT, &sqlite->marks[m], NULL) == SQLITE_OK,
                       outcome_fault("memory"));
        for (Statement s = STATEMENT_NONE + 1; s < STATEMENT_COUNT; s++)
                if (writes || statement_types[s].columns)
                        TRY(prepare_one(sqlite, s));
        return outcome_good();
}

void sqlite_close(Sqlite *sqlite) {
        for (size_t s = 0; s < STATEMENT_COUNT; s++)
                sqlite3_finalize(sqlite->prepared[s]);
        for (size_t m = 0; m < MARK_COUNT; m++)
                sqlite3_finalize(sqlite->marks[m]);
        sqlite3_close(sqlite->db);
        *sqlite = (Sqlite){0};
}

static ValueType type_of(char c) {
        switch (tolower((unsigned char)c)) {
        case 'i':
                return VALUE_INT;
        case 't':
                return VALUE_TEXT;
        default:
                return VALUE_BLOB;
        }
}

bool sqlite_fits(Statement statement, const Value *params, size_t n) {
        if (statement <= STATEMENT_NONE || statement >= STATEMENT_COUNT)
                return false;
        const char *types = statement_types[statement].params;
        if (strlen(types) != n)
                return false;
        for (size_t i = 0; i < n; i++)
                if (params[i].type != type_of(types[i]) && !(params[i].type == VALUE_NULL && isupper((unsigned char)types[i])))
                        return false;
        return true;
}

/* An empty Text has no address; SQLite would read that as NULL. */
static int bind_one(sqlite3_stmt *st, int at, const Value *v) {
        switch (v->type) {
        case VALUE_INT:
                return sqlite3_bind_int64(st, at, v->i);
        case VALUE_TEXT:
                return sqlite3_bind_text64(st, at, v->t.at ? v->t.at : "", v->t.len, SQLITE_STATIC, SQLITE_UTF8);
        case VALUE_BLOB:
                return sqlite3_bind_blob64(st, at, v->t.at ? v->t.at : "", v->t.len, SQLITE_STATIC);
        default:
                return sqlite3_bind_null(st, at);
        }
}

static int bind_all(sqlite3_stmt *st, const Value *params, size_t n, const Value *extra, size_t n_extra) {
        int code = SQLITE_OK;
        for (size_t i = 0; i < n && code == SQLITE_OK; i++)
                code = bind_one(st, (int)i + 1, &params[i]);
        for (size_t i = 0; i < n_extra && code == SQLITE_OK; i++)
                code = bind_one(st, (int)(n + i) + 1, &extra[i]);
        return code;
}

/* Parameters are borrowed: nothing of them stays bound. */
static void release(sqlite3_stmt *st) {
        sqlite3_reset(st);
        sqlite3_clear_bindings(st);
}

SqliteEnd sqlite_write(Sqlite *sqlite, Statement statement, const Value *params, size_t n, const Value *extra, size_t n_extra) {
        sqlite3_stmt *st = sqlite->prepared[statement];
        int code = bind_all(st, params, n, extra, n_extra);
        if (code == SQLITE_OK)
                code = sqlite3_step(st);
        SqliteEnd end = sqlite_end(code);
        if (end == SQLITE_END_OK && statement_sql[statement].must_change && sqlite3_changes(sqlite->db) == 0)
                end = SQLITE_END_CONDITION;
        release(st);
        return end;
}

static bool cell_read(sqlite3_stmt *st, int column, char type, Arena *arena, Value *out) {
        if (sqlite3_column_type(st, column) == SQLITE_NULL) {
                *out = value_null();
                return isupper((unsigned char)type);
        }
        *out = (Value){.type = type_of(type)};
        if (out->type == VALUE_INT) {
                out->i = sqlite3_column_int64(st, column);
                return true;
        }
        const void *at = out->type == VALUE_TEXT ? (const void *)sqlite3_column_text(st, column) : sqlite3_column_blob(st, column);
        Text found = {at, (size_t)sqlite3_column_bytes(st, column)};
        out->t = text_copy(arena, found);
        return found.len == 0 || out->t.at;
}

static bool rows_grow(Rows *rows, size_t *room, Arena *arena) {
        if (rows->n < *room)
                return true;
        size_t more = *room ? *room * 2 : 4;
        Value *cells = arena_array(arena, Value, more * rows->columns);
        if (!cells)
                return false;
        if (rows->n)
                memcpy(cells, rows->cells, rows->n * rows->columns * sizeof *cells);
        rows->cells = cells;
        *room = more;
        return true;
}

static Outcome read_rows(sqlite3_stmt *st, const char *columns, Arena *arena, Rows *out) {
        size_t room = 0;
        int code;
        *out = (Rows){.columns = strlen(columns)};
        while ((code = sqlite3_step(st)) == SQLITE_ROW) {
                ENSURE(out->n < ROWS_MAX, outcome_fault("a read of the ledger found more rows than one answer holds"));
                ENSURE(rows_grow(out, &room, arena), outcome_fault("memory"));
                for (size_t c = 0; c < out->columns; c++)
                        ENSURE(cell_read(st, (int)c, columns[c], arena, &out->cells[out->n * out->columns + c]),
                               outcome_fault("a row of the ledger has a hole, or memory is out"));
                out->n++;
        }
        return code == SQLITE_DONE ? outcome_good() : outcome_fault("the ledger cannot be read");
}

Outcome sqlite_read(Sqlite *sqlite, Statement statement, const Value *params, size_t n, const Value *extra, size_t n_extra,
                    Arena *arena, Rows *out) {
        sqlite3_stmt *st = sqlite->prepared[statement];
        Outcome end = outcome_fault("memory");
        if (bind_all(st, params, n, extra, n_extra) == SQLITE_OK)
                end = read_rows(st, statement_types[statement].columns, arena, out);
        release(st);
        if (!outcome_ok(end))
                *out = (Rows){0};
        return end;
}
