/* counts.h - refusals of strangers, summed in memory before they reach the disk.
 *
 * One row per zone, reason, source and second; past COUNTS_MAX of them the source becomes "*", so that no flood of
 * sources fills the disk. Lost at a crash: at most what the last second counted.
 */
#ifndef CARNET_STORE_COUNTS_H
#define CARNET_STORE_COUNTS_H
#include "store/sqlite.h"

#define COUNTS_MAX 256
#define COUNTS_TEXT 64

typedef struct Count {
        char zone[COUNTS_TEXT], reason[COUNTS_TEXT], source[COUNTS_TEXT];
        int64_t second, n;
} Count;

typedef struct Counts {
        Count at[COUNTS_MAX + 32]; /* the rest for "*" */
        size_t n;
        int64_t flushed_ms;
} Counts;

void counts_add(Counts *counts, const Value *params); /* WRITE_count_add */
SqliteEnd counts_flush(Counts *counts, Sqlite *sqlite); /* within a transaction; counts_clear() after it committed */
void counts_clear(Counts *counts);
#endif
