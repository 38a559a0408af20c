/* zone_diff.h - what changed between two zones, in lines for people: "+ application churn", "~ resource analytics: scope purge
 * added", "- policy file lanes.cedar". Secrets, keys and certificates are said to have changed, never shown. */
#ifndef CARNET_CORE_ZONE_DIFF_H
#define CARNET_CORE_ZONE_DIFF_H
#include "core/model.h"

Texts zone_diff(Arena *arena, const Zone *before, const Zone *after); /* before NULL: everything is new */
#endif
