/* world.h - the test world: a clock that stands until it is moved, seeded randomness, a ledger in memory, real policies and
 * real (deterministic, Ed25519) signatures. It can park every need, and fail, delay or repeat the k-th.
 *
 * knows        everything main's world knows, without sockets, threads or disks
 * lifetime     one scene's
 */
#ifndef CARNET_SIM_WORLD_H
#define CARNET_SIM_WORLD_H
#include "core/request.h"
#include "crypto/jwk.h"
#include "keeper/keeper.h"
#include "store/ledger.h"

typedef enum SimTrouble {
        SIM_NO_TROUBLE,
        SIM_FAIL,           /* the k-th need ends in a fault */
        SIM_TWICE,          /* the k-th need is answered twice */
        SIM_GONE,           /* the client leaves while the k-th need is under way */
        SIM_COMMIT_BEFORE,  /* the k-th need, if a commit: not written, answer unknown */
        SIM_COMMIT_AFTER,   /* the k-th need, if a commit: written, answer unknown */
} SimTrouble;

typedef struct SimOptions {
        bool park;          /* answer nothing inside begin() */
        SimTrouble trouble;
        unsigned at;        /* which need, counted over the scene from 1 */
        uint64_t seed;
} SimOptions;

typedef struct SimKeys { /* made once a scene file, shared by its runs: signatures must be byte-identical */
        Jwk *zone, *agents; /* Ed25519 */
} SimKeys;

typedef struct Sim Sim;

MUST_USE Outcome sim_new(const SimOptions *options, const SimKeys *keys, Text zone_document, Sim **out, Text *problem);
void sim_free(Sim *sim);
const Zone *sim_zone(const Sim *sim);
Arena *sim_arena(Sim *sim);
void sim_forward(Sim *sim, int64_t seconds);
int64_t sim_now(const Sim *sim);
unsigned sim_needs(const Sim *sim);           /* how many were begun so far */
bool sim_hit(const Sim *sim);                 /* the trouble has happened */

/* Runs one request to its end; false when the client was made to leave. `fill` sets r->in. */
bool sim_request(Sim *sim, const Flow *flow, void (*fill)(Request *r, void *arg), void *arg, Request **out);
MUST_USE Outcome sim_read(Sim *sim, Statement s, const Value *params, size_t n, Rows *out);
Text sim_assertion(Sim *sim, Text client_id); /* a client assertion by the agents' key */
/* Direct write, for closes and passwords that no flow of the scene makes. */
bool sim_write(Sim *sim, Statement s, const Value *params, size_t n);
#endif
