/* world.h - the only way core reaches outside: the clock, randomness, and needs begun and cancelled.
 *
 * A world answers a need by filling need->answer and calling need_answered(), before begin() returns or later on the same
 * loop. It takes from the request's arena. After cancel() (the client left, or the request ended) it must not touch the
 * need again: it holds requests by slot and generation.
 */
#ifndef CARNET_CORE_WORLD_H
#define CARNET_CORE_WORLD_H
#include "core/need.h"

typedef struct World World;

struct World {
        int64_t (*now_ms)(World *world);
        void (*begin)(World *world, Request *r, Need *need);
        void (*cancel)(World *world, Request *r); /* forget every need of this request that is under way */
};

void need_answered(Request *r, Need *need, Outcome end); /* runs the engine on when the request is parked */
#endif
