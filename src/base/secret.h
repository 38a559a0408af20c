/* secret.h - bytes that cannot be printed: guarded pages (libsodium), locked, wiped, out of core dumps.
 *
 * For keys and long-lived secrets (30 us each); a request's short-lived secrets live in its arena, which is wiped.
 * The type holds no pointer that formatting takes: reach the bytes only by secret_open()/secret_shut(), in one function.
 */
#ifndef CARNET_BASE_SECRET_H
#define CARNET_BASE_SECRET_H
#include "base/text.h"

typedef struct Secret Secret;

Secret *secret_new(const void *bytes, size_t len); /* copies; NULL without memory; the pages are unreadable until opened */
Secret *secret_random(size_t len);
void secret_free(Secret *secret);                  /* wipes; NULL is fine */
Text secret_open(Secret *secret);                  /* readable until secret_shut(); not thread-safe: one owner */
void secret_shut(Secret *secret);
#endif
