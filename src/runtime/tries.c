#include "runtime/tries.h"
#include <pthread.h>
#include <stdlib.h>

#define SLOTS 8192
#define PROBES 8

typedef struct Slot {
        uint64_t key;
        int64_t minute, n;
} Slot;

struct Tries {
        pthread_mutex_t lock;
        uint64_t seed;
        Slot slots[SLOTS];
};

Tries *tries_new(uint64_t seed) {
        Tries *tries = calloc(1, sizeof *tries);
        if (tries && pthread_mutex_init(&tries->lock, NULL)) {
                free(tries);
                return NULL;
        }
        if (tries)
                tries->seed = seed;
        return tries;
}

void tries_free(Tries *tries) {
        if (!tries)
                return;
        pthread_mutex_destroy(&tries->lock);
        free(tries);
}

/* The key's slot, or the one that loses least: an old minute's, else the smallest count's. */
static Slot *slot_of(Tries *tries, uint64_t key, int64_t minute) {
        Slot *best = NULL;
        for (size_t i = 0; i < PROBES; i++) {
                Slot *slot = &tries->slots[(key + i) % SLOTS];
                if (slot->key == key && slot->minute == minute)
                        return slot;
                bool better = !best || (best->minute == minute && (slot->minute != minute || slot->n < best->n));
                if (better)
                        best = slot;
        }
        *best = (Slot){.key = key, .minute = minute};
        return best;
}

bool tries_take(Tries *tries, Text key, int64_t most, int64_t now_ms) {
        pthread_mutex_lock(&tries->lock);
        Slot *slot = slot_of(tries, text_hash(key, tries->seed), now_ms / 60000);
        bool allowed = slot->n < most;
        if (allowed)
                slot->n++;
        pthread_mutex_unlock(&tries->lock);
        return allowed;
}

void tries_give(Tries *tries, Text key, int64_t now_ms) {
        pthread_mutex_lock(&tries->lock);
        Slot *slot = slot_of(tries, text_hash(key, tries->seed), now_ms / 60000);
        if (slot->n > 0)
                slot->n--;
        pthread_mutex_unlock(&tries->lock);
}
