/* sweep.h - what follows a cut without anyone asking: leases under it are given back upstream. One sweeper, on the first loop. */
#ifndef CARNET_MAIN_SWEEP_H
#define CARNET_MAIN_SWEEP_H
#include "main/publish.h"
#include "main/world.h"

typedef struct Sweep Sweep;

MUST_USE Outcome sweep_new(Server *server, Loop *loop, RealWorld *world, Sweep **out);
void sweep_free(Sweep *sweep); /* after the loop ended */
#endif
