/* tries.h - how often a key came in this minute: sign-in tries, registrations.
 *
 * knows        a bounded table of counts, forgotten after a minute and at the process's end
 * never knows  what a key means
 * threads      all of it, from any loop
 */
#ifndef CARNET_RUNTIME_TRIES_H
#define CARNET_RUNTIME_TRIES_H
#include "base/text.h"

typedef struct Tries Tries;

Tries *tries_new(uint64_t seed);  /* NULL without memory */
void tries_free(Tries *tries);
/* Counts one; false when this minute's `most` were there already. */
bool tries_take(Tries *tries, Text key, int64_t most, int64_t now_ms);
void tries_give(Tries *tries, Text key, int64_t now_ms); /* one back: it was no failure after all */
#endif
