/* memo.h - answers of hot reads, kept until a commit could change them (memo.c says why that is sound).
 *
 * knows        which statements are kept, and which writes change what they read
 * never knows  SQL, what a row means
 * lifetime     a Memo is its reader's, on one thread; answers are copied into the caller's arena
 * errors       none: without memory nothing is found and nothing is kept
 */
#ifndef CARNET_STORE_MEMO_H
#define CARNET_STORE_MEMO_H
#include "store/ledger.h"

#define MEMO_GROUPS 5
enum { MEMO_SECRET = 1, MEMO_SESSION = 2, MEMO_AUTHORIZATION = 4, MEMO_HOP = 8, MEMO_CUT = 16 };

typedef struct Memo Memo;

Memo *memo_new(Ledger *ledger);
void memo_free(Memo *memo);
unsigned memo_changed(Statement statement);                  /* groups whose answers a write ends; every write to their tables */
/* By the writer, after a commit and before its answers. */
void memo_written(Ledger *ledger, const Write *writes, size_t n);

unsigned memo_groups(Statement statement);                   /* 0: never kept */
uint64_t memo_stamp(const Memo *memo, unsigned groups);      /* take it before reading */
bool memo_find(Memo *memo, Statement statement, uint64_t stamp, const Value *params, size_t n, Arena *arena, Rows *out);
void memo_keep(Memo *memo, Statement statement, uint64_t stamp, const Value *params, size_t n, const Rows *rows);
#endif
