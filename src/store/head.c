#include "store/events.h"
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define HEAD_LINE 512
#define OLDER                                                                                                          \
        "the ledger is older than its head file says: an older copy was put back, and what was revoked since would live again "  \
        "(`carnet restore` raises the epoch)"

static void head_name(char *out, size_t size, const char *file, const char *suffix) { snprintf(out, size, "%s.head%s", file, suffix); }

static FILE *head_open(const char *file) {
        char name[4096];
        head_name(name, sizeof name, file, "");
        return fopen(name, "re");
}

/* "zone SEQ HASH SLUG": the event at SEQ must still stand there with that hash. */
static bool line_holds(const char *line, const Events *events, Sqlite *sqlite) {
        int64_t seq;
        char hex[2 * LEDGER_HASH + 1];
        int slug_at = 0;
        if (sscanf(line, "zone %" SCNd64 " %64s %n", &seq, hex, &slug_at) != 2 || !slug_at || seq == 0)
                return true; /* not a line of ours: the file is a hint, and a torn one must not keep the zone down */
        Text slug = {line + slug_at, strcspn(line + slug_at, "\n")};
        EventsZone *zone = events_zone((Events *)events, slug);
        if (!zone || zone->now.seq < seq)
                return false;
        char sql[128], found[2 * LEDGER_HASH + 1] = "";
        sqlite3_snprintf(sizeof sql, sql, "SELECT hash FROM event WHERE key = %lld", (long long)((zone->number << 40) + seq));
        sqlite3_stmt *st;
        if (sqlite3_prepare_v2(sqlite->db, sql, -1, &st, NULL) != SQLITE_OK)
                return false;
        if (sqlite3_step(st) == SQLITE_ROW && sqlite3_column_bytes(st, 0) == LEDGER_HASH)
                sodium_bin2hex(found, sizeof found, sqlite3_column_blob(st, 0), LEDGER_HASH);
        sqlite3_finalize(st);
        return strcmp(found, hex) == 0;
}

Outcome head_epoch(const char *file, int64_t *epoch) {
        *epoch = 0;
        FILE *in = head_open(file);
        if (!in)
                return outcome_good();
        char line[HEAD_LINE];
        while (fgets(line, sizeof line, in))
                if (sscanf(line, "epoch %" SCNd64, epoch) == 1)
                        break;
        fclose(in);
        return outcome_good();
}

/* A ledger of a later epoch was restored on purpose: its head file is from before and binds no more. */
Outcome head_check(const char *file, const Events *events, Sqlite *sqlite) {
        int64_t epoch, ours = sqlite_one(sqlite, "SELECT value FROM meta WHERE name = 'epoch'", 0);
        TRY(head_epoch(file, &epoch));
        ENSURE(ours >= epoch, outcome_fault(OLDER));
        FILE *in = ours > epoch ? NULL : head_open(file);
        if (!in)
                return outcome_good();
        char line[HEAD_LINE];
        bool holds = true;
        while (holds && fgets(line, sizeof line, in))
                holds = line_holds(line, events, sqlite);
        fclose(in);
        return holds ? outcome_good() : outcome_fault(OLDER);
}

/* Written whole and renamed, without fsync: it may stand behind the ledger, never before it. */
void head_write(const char *file, const Events *events, Sqlite *sqlite) {
        char name[4096], fresh[4096];
        head_name(name, sizeof name, file, "");
        head_name(fresh, sizeof fresh, file, ".new");
        FILE *out = fopen(fresh, "we");
        if (!out)
                return;
        fprintf(out, "carnet ledger head\nepoch %" PRId64 "\n", sqlite_one(sqlite, "SELECT value FROM meta WHERE name = 'epoch'", 0));
        for (size_t i = 0; i < events->n; i++) {
                char hex[2 * LEDGER_HASH + 1];
                sodium_bin2hex(hex, sizeof hex, events->zones[i].now.hash, LEDGER_HASH);
                if (events->zones[i].now.seq)
                        fprintf(out, "zone %" PRId64 " %s %s\n", events->zones[i].now.seq, hex, events->zones[i].slug);
        }
        bool good = !ferror(out);
        if (fclose(out) == 0 && good)
                (void)!rename(fresh, name);
        else
                remove(fresh);
}
