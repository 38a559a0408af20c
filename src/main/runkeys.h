/* runkeys.h - keys that `carnet run` registered: each lives as long as the connection that brought it (delegation.md, proof `key`). */
#ifndef CARNET_MAIN_RUNKEYS_H
#define CARNET_MAIN_RUNKEYS_H
#include "crypto/jwk.h"

typedef struct RunKeys RunKeys;

#define RUN_KEYS_MAX 1024

RunKeys *run_keys_new(void);
void run_keys_free(RunKeys *keys);
/* Takes its own reference. False when RUN_KEYS_MAX are held. Threads: any. */
bool run_keys_add(RunKeys *keys, Text zone, Text application, uint64_t connection, Jwk *key);
void run_keys_end(RunKeys *keys, uint64_t connection); /* the connection closed */
/* Up to `max` keys of the application, each with a reference for the caller. */
size_t run_keys_of(RunKeys *keys, Text zone, Text application, Jwk **out, size_t max);
#endif
