#include "main/limits.h"
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#define CELLS 16384
#define MINUTE 60

typedef struct Cell {
        int64_t minute, taken;
} Cell;

struct Limits {
        pthread_mutex_t lock;
        unsigned char key[crypto_shorthash_KEYBYTES]; /* so that no stranger can aim at another's cell */
        Cell cells[CELLS];
};

Limits *limits_new(void) {
        Limits *limits = sodium_init() < 0 ? NULL : calloc(1, sizeof *limits);
        if (!limits)
                return NULL;
        pthread_mutex_init(&limits->lock, NULL);
        randombytes_buf(limits->key, sizeof limits->key);
        return limits;
}

void limits_free(Limits *limits) {
        if (!limits)
                return;
        pthread_mutex_destroy(&limits->lock);
        free(limits);
}

bool limits_take(Limits *limits, Text name, int64_t per_minute, int64_t now_s) {
        uint64_t hash = 0;
        crypto_shorthash((unsigned char *)&hash, (const unsigned char *)name.at, name.len, limits->key);
        Cell *cell = &limits->cells[hash % CELLS];
        int64_t minute = now_s / MINUTE;
        pthread_mutex_lock(&limits->lock);
        if (cell->minute != minute)
                *cell = (Cell){.minute = minute};
        bool room = cell->taken < per_minute;
        cell->taken += room;
        pthread_mutex_unlock(&limits->lock);
        return room;
}
