/* migrate.c - brings a file to the newest schema, forward only; refuses one that is newer than this program. */
#include "store/inside.h"
#include "store/migrations.h" /* made of schema/NNNN-*.sql */

#define APPLICATION_ID 0x43726e74 /* "Crnt" */

static Outcome step_run(Sqlite *sqlite, size_t version) {
        char mark[96];
        sqlite3_snprintf(sizeof mark, mark, "PRAGMA user_version = %d; PRAGMA application_id = %d; COMMIT", (int)version, APPLICATION_ID);
        bool good = sqlite_exec(sqlite, "BEGIN IMMEDIATE") == SQLITE_END_OK && sqlite_exec(sqlite, migrations[version - 1]) == SQLITE_END_OK &&
                    sqlite_exec(sqlite, mark) == SQLITE_END_OK;
        if (!good && !sqlite3_get_autocommit(sqlite->db))
                (void)sqlite_exec(sqlite, "ROLLBACK");
        return good ? outcome_good() : outcome_fault("the ledger's schema cannot be brought up to date");
}

Outcome migrate_run(Sqlite *sqlite) {
        int64_t version = sqlite_one(sqlite, "PRAGMA user_version", -1), id = sqlite_one(sqlite, "PRAGMA application_id", -1);
        ENSURE(version >= 0 && (version == 0 || id == APPLICATION_ID), outcome_fault("this file is no ledger of ours"));
        ENSURE(version > 0 || sqlite_one(sqlite, "SELECT count(*) FROM sqlite_schema", -1) == 0, outcome_fault("this file is no ledger of ours"));
        ENSURE((size_t)version <= ARRAY_LEN(migrations), outcome_fault("the ledger was written by a newer carnetd"));
        for (size_t next = (size_t)version + 1; next <= ARRAY_LEN(migrations); next++)
                TRY(step_run(sqlite, next));
        return outcome_good();
}
