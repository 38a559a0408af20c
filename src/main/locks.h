/* locks.h - one at a time, by name: e.g. one refresher for each upstream connection. Held until its request ends. */
#ifndef CARNET_MAIN_LOCKS_H
#define CARNET_MAIN_LOCKS_H
#include "base/text.h"
#include "runtime/loop.h"

typedef struct Locks Locks;
typedef struct LockHold LockHold;

Locks *locks_new(void);
void locks_free(Locks *locks);
/* `granted` runs on `home`, later, never inside this call; NULL without memory. */
LockHold *lock_begin(Locks *locks, Text name, Loop *home, void (*granted)(void *arg), void *arg);
void lock_end(LockHold *hold); /* held or still waiting: gives it up */
#endif
