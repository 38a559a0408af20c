/* limits.h - how often something may happen in a minute, by name. Bounded: names share 16,384 cells, and a shared cell can only
 * refuse more. Forgets at a restart, which is no permission: what must hold across restarts is in the ledger. */
#ifndef CARNET_MAIN_LIMITS_H
#define CARNET_MAIN_LIMITS_H
#include "base/text.h"

typedef struct Limits Limits;

Limits *limits_new(void);
void limits_free(Limits *limits);
/* One of `per_minute`; any thread. `now_s`: monotonic seconds. */
bool limits_take(Limits *limits, Text name, int64_t per_minute, int64_t now_s);
#endif
