/* arena.h - memory that ends with what it was taken for.
 *
 * knows        chunks, a hard limit, deferred clean-ups
 * never knows  what is stored
 * lifetime     everything taken lives until arena_free(); all bytes are wiped then, because requests carry secrets
 * errors       over the limit or out of memory: NULL. Callers that cannot go on return outcome_fault("memory")
 */
#ifndef CARNET_BASE_ARENA_H
#define CARNET_BASE_ARENA_H
#include <stddef.h>

typedef struct Arena Arena;

Arena *arena_new(size_t limit);                  /* limit in bytes over all chunks; NULL without memory */
void arena_free(Arena *arena);                   /* runs deferred clean-ups last-in first-out, wipes, frees; NULL is fine */
void *arena_take(Arena *arena, size_t size);     /* zeroed, aligned to 16 */
void *arena_copy(Arena *arena, const void *from, size_t size);
int arena_defer(Arena *arena, void (*fn)(void *), void *arg); /* 0, or -1 without memory (then fn has run already) */
size_t arena_used(const Arena *arena);

#define arena_new_of(arena, type) ((type *)arena_take((arena), sizeof(type)))
#define arena_array(arena, type, n) ((type *)arena_take((arena), sizeof(type) * (n)))
#endif
