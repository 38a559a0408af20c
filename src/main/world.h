/* world.h - the real world of one loop: answers needs with SQLite, OpenSSL, Cedar, curl and the clock.
 *
 * knows        the server's parts, and which request waits for what (by slot and generation)
 * lifetime     one per loop; made before the loops run, freed after them
 */
#ifndef CARNET_MAIN_WORLD_H
#define CARNET_MAIN_WORLD_H
#include "core/world.h"
#include "main/server.h"

typedef struct RealWorld RealWorld;

MUST_USE Outcome real_world_new(Server *server, Loop *loop, RealWorld **out);
void real_world_free(RealWorld *world);
World *real_world_core(RealWorld *world);
MUST_USE Outcome real_world_read(RealWorld *world, Statement s, const Value *params, size_t n, Arena *arena, Rows *out);
#endif
