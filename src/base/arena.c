#include "base/arena.h"
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE ((size_t)8192)
#define ALIGN ((size_t)16)
#ifdef CARNET_SANITIZED
#define SPARES 0 /* so that what is used after its arena ended is seen */
#else
#define SPARES 64
#endif

typedef struct Chunk {
        struct Chunk *next;
        size_t size, used;
        _Alignas(16) unsigned char bytes[];
} Chunk;

typedef struct Deferred {
        struct Deferred *next;
        void (*fn)(void *);
        void *arg;
} Deferred;

struct Arena {
        Chunk *chunks;
        Deferred *deferred;
        size_t limit, taken;
};

/* Chunks hold zeros only, where nothing is taken: they begin so, and are wiped before they are kept for the next arena of
 * this thread. A request's memory costs no allocator, and is cleared once. */
static _Thread_local Chunk *spare;
static _Thread_local unsigned spares;

static Chunk *chunk_new(size_t size) {
        Chunk *c = size == CHUNK_SIZE ? spare : NULL;
        if (!c)
                return calloc(1, sizeof *c + size);
        spare = c->next;
        spares--;
        return c;
}

static void chunk_end(Chunk *c) {
        sodium_memzero(c->bytes, c->used);
        if (c->size != CHUNK_SIZE || spares + 1 > SPARES) {
                free(c);
                return;
        }
        c->next = spare;
        spare = c;
        spares++;
}

Arena *arena_new(size_t limit) {
        Arena *arena = calloc(1, sizeof *arena);
        if (arena)
                arena->limit = limit;
        return arena;
}

void arena_free(Arena *arena) {
        if (!arena)
                return;
        for (Deferred *d = arena->deferred; d; d = d->next)
                d->fn(d->arg);
        for (Chunk *c = arena->chunks, *next; c; c = next) {
                next = c->next;
                chunk_end(c);
        }
        free(arena);
}

static Chunk *chunk_add(Arena *arena, size_t least) {
        size_t size = least > CHUNK_SIZE ? least : CHUNK_SIZE;
        if (size > arena->limit - arena->taken) {
                size = least;
                if (size > arena->limit - arena->taken)
                        return NULL;
        }
        Chunk *c = chunk_new(size);
        if (!c)
                return NULL;
        c->next = arena->chunks;
        c->size = size;
        c->used = 0;
        arena->chunks = c;
        arena->taken += size;
        return c;
}

void *arena_take(Arena *arena, size_t size) {
        if (size > SIZE_MAX / 2)
                return NULL;
        size_t need = size ? (size + ALIGN - 1) & ~(ALIGN - 1) : ALIGN;
        Chunk *c = arena->chunks;
        if (!c || c->size - c->used < need)
                c = chunk_add(arena, need);
        if (!c)
                return NULL;
        void *at = c->bytes + c->used;
        c->used += need;
        return at;
}

void *arena_copy(Arena *arena, const void *from, size_t size) {
        void *to = arena_take(arena, size);
        if (to && size)
                memcpy(to, from, size);
        return to;
}

int arena_defer(Arena *arena, void (*fn)(void *), void *arg) {
        Deferred *d = arena_new_of(arena, Deferred);
        if (!d) {
                fn(arg);
                return -1;
        }
        *d = (Deferred){.next = arena->deferred, .fn = fn, .arg = arg};
        arena->deferred = d;
        return 0;
}

size_t arena_used(const Arena *arena) { return arena->taken; }
