/* jsonscan.h - walks JSON that this program printed itself, without a tree: tokens of ours, columns of the ledger.
 *
 * knows        members and items in order, plain strings, where a nested value ends
 * never knows  escapes, duplicates, numbers: what looks unusual breaks the scan, and the caller reads by json_read()
 * lifetime     everything found borrows from the text
 * errors       none: json_scan_done() is false unless the whole text was walked
 *
 * Not for strangers' documents: it believes what is between the quotes. jansson takes 15 times as long (docs/decisions/speed.md).
 */
#ifndef CARNET_BASE_JSONSCAN_H
#define CARNET_BASE_JSONSCAN_H
#include "base/text.h"

typedef struct JsonScan {
        Text rest;
        char end;            /* '}' or ']' */
        bool begun, closed, broken;
} JsonScan;

JsonScan json_scan(Text source);                             /* an object or an array */
bool json_scan_next(JsonScan *scan, Text *name, Text *value); /* name "" in arrays; value as it stands, quotes included */
bool json_scan_done(const JsonScan *scan);

bool json_scan_string(Text value, Text *out);                /* without its quotes; false when it is none */
bool json_scan_texts(Arena *arena, Text value, Texts *out);  /* an array of strings */
#endif
