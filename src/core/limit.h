/* limit.h - how often a source may try, counted by the world (it forgets at restart; that is no permission). */
#ifndef CARNET_CORE_LIMIT_H
#define CARNET_CORE_LIMIT_H
#include "core/request.h"

/* One of `per_minute` tries of this kind by this key; refused LIMIT when they are used up. */
MUST_USE Outcome limit_take(Request *r, const char *kind, Text key, int64_t per_minute);
/* One try back: it was a good one, and only failures are to count. Taken first, so that many at once cannot slip through. */
MUST_USE Outcome limit_give(Request *r, const char *kind, Text key);
#endif
