/* keys.h - signing keys in use, by (zone, kid) (within keeper only).
 *
 * lifetime     a table under a reader-writer lock; keys_get() gives a counted key that outlives its being forgotten
 * errors       full: fault
 */
#ifndef CARNET_KEEPER_KEYS_H
#define CARNET_KEEPER_KEYS_H
#include "crypto/jwk.h"

#define KEYS_MAX 4096

typedef struct Keys Keys;

Keys *keys_new(void);
void keys_free(Keys *keys);
MUST_USE Outcome keys_put(Keys *keys, Text zone, Jwk *key); /* takes its own reference; the same again is fine */
Jwk *keys_get(Keys *keys, Text zone, Text kid);             /* a reference for the caller, or NULL */
bool keys_drop(Keys *keys, Text zone, Text kid);
#endif
