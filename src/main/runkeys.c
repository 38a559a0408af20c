#include "main/runkeys.h"
#include <pthread.h>
#include <stdlib.h>

typedef struct RunKey {
        char zone[64], application[64];
        uint64_t connection;
        Jwk *key;
} RunKey;

struct RunKeys {
        pthread_mutex_t lock;
        RunKey at[RUN_KEYS_MAX];
        size_t n;
};

RunKeys *run_keys_new(void) {
        RunKeys *keys = calloc(1, sizeof *keys);
        if (keys)
                pthread_mutex_init(&keys->lock, NULL);
        return keys;
}

void run_keys_free(RunKeys *keys) {
        if (!keys)
                return;
        for (size_t i = 0; i < keys->n; i++)
                jwk_unref(keys->at[i].key);
        pthread_mutex_destroy(&keys->lock);
        free(keys);
}

static bool fits(char *to, size_t size, Text t) {
        if (t.len >= size)
                return false;
        memcpy(to, t.at, t.len);
        to[t.len] = 0;
        return true;
}

bool run_keys_add(RunKeys *keys, Text zone, Text application, uint64_t connection, Jwk *key) {
        RunKey row = {.connection = connection, .key = key};
        if (!fits(row.zone, sizeof row.zone, zone) || !fits(row.application, sizeof row.application, application))
                return false;
        pthread_mutex_lock(&keys->lock);
        bool room = keys->n < RUN_KEYS_MAX;
        if (room) {
                jwk_ref(key);
                keys->at[keys->n++] = row;
        }
        pthread_mutex_unlock(&keys->lock);
        return room;
}

void run_keys_end(RunKeys *keys, uint64_t connection) {
        pthread_mutex_lock(&keys->lock);
        for (size_t i = 0; i < keys->n;) {
                if (keys->at[i].connection != connection) {
                        i++;
                        continue;
                }
                jwk_unref(keys->at[i].key);
                keys->at[i] = keys->at[--keys->n];
        }
        pthread_mutex_unlock(&keys->lock);
}

size_t run_keys_of(RunKeys *keys, Text zone, Text application, Jwk **out, size_t max) {
        size_t n = 0;
        pthread_mutex_lock(&keys->lock);
        for (size_t i = 0; i < keys->n && n < max; i++)
                if (text_is(zone, keys->at[i].zone) && text_is(application, keys->at[i].application))
                        out[n++] = jwk_ref(keys->at[i].key);
        pthread_mutex_unlock(&keys->lock);
        return n;
}
