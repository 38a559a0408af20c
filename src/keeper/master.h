/* master.h - the master key file (within keeper only): found, checked, or made once.
 *
 * errors       fault with a sentence for the operator; never a key that was not in the file or just written and synced
 */
#ifndef CARNET_KEEPER_MASTER_H
#define CARNET_KEEPER_MASTER_H
#include "base/secret.h"

#define MASTER_SIZE 32

/* `expect_existing`: sealed rows exist, a new key could never open them, so a missing file is a fault (F21). */
MUST_USE Outcome master_open(Arena *arena, Text state_dir, bool expect_existing, Secret **out);
#endif
