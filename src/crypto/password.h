/* password.h - people's passwords: argon2id strings (64 MiB, two passes, ~100 ms: never on a loop).
 *
 * errors       a wrong password is not an error: *right is false. Fault: memory
 * timing       an empty or foreign `stored` (no such user, no password yet) costs the same work and is never right
 */
#ifndef CARNET_CRYPTO_PASSWORD_H
#define CARNET_CRYPTO_PASSWORD_H
#include "base/text.h"

#define PASSWORD_MAX 1024

MUST_USE Outcome password_hash(Arena *arena, Text password, Text *out); /* refused: empty, too long, NUL or bad UTF-8 */
MUST_USE Outcome password_check(Text stored, Text password, bool *right);
#endif
