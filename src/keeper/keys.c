#include "keeper/keys.h"
#include <pthread.h>
#include <stdlib.h>

#define BUCKETS 256

typedef struct Entry {
        struct Entry *next;
        Jwk *key;
        size_t zone_len;
        char zone[];
} Entry;

struct Keys {
        pthread_rwlock_t lock;
        size_t n;
        Entry *bucket[BUCKETS];
};

Keys *keys_new(void) {
        Keys *keys = calloc(1, sizeof *keys);
        if (keys && pthread_rwlock_init(&keys->lock, NULL) != 0) {
                free(keys);
                return NULL;
        }
        return keys;
}

static void entry_free(Entry *e) {
        jwk_unref(e->key);
        free(e);
}

void keys_free(Keys *keys) {
        if (!keys)
                return;
        for (size_t i = 0; i < BUCKETS; i++)
                while (keys->bucket[i]) {
                        Entry *e = keys->bucket[i];
                        keys->bucket[i] = e->next;
                        entry_free(e);
                }
        pthread_rwlock_destroy(&keys->lock);
        free(keys);
}

/* The place that points to the entry, or to NULL. The lock is held. */
static Entry **place(Keys *keys, Text zone, Text kid) {
        Entry **at = &keys->bucket[text_hash(kid, 0) % BUCKETS];
        while (*at && !(text_equal((Text){(*at)->zone, (*at)->zone_len}, zone) && text_equal(jwk_kid((*at)->key), kid)))
                at = &(*at)->next;
        return at;
}

Outcome keys_put(Keys *keys, Text zone, Jwk *key) {
        Entry *e = calloc(1, sizeof *e + zone.len);
        ENSURE(e, outcome_fault("memory"));
        e->key = jwk_ref(key);
        e->zone_len = zone.len;
        memcpy(e->zone, zone.at, zone.len);
        pthread_rwlock_wrlock(&keys->lock);
        Entry **at = place(keys, zone, jwk_kid(key));
        bool there = *at, full = keys->n == KEYS_MAX;
        if (!there && !full) {
                *at = e;
                keys->n++;
        }
        pthread_rwlock_unlock(&keys->lock);
        if (there || full)
                entry_free(e);
        ENSURE(there || !full, outcome_fault("too many signing keys"));
        return outcome_good();
}

Jwk *keys_get(Keys *keys, Text zone, Text kid) {
        pthread_rwlock_rdlock(&keys->lock);
        Entry *e = *place(keys, zone, kid);
        Jwk *key = e ? jwk_ref(e->key) : NULL;
        pthread_rwlock_unlock(&keys->lock);
        return key;
}

bool keys_drop(Keys *keys, Text zone, Text kid) {
        pthread_rwlock_wrlock(&keys->lock);
        Entry **at = place(keys, zone, kid), *e = *at;
        if (e) {
                *at = e->next;
                keys->n--;
        }
        pthread_rwlock_unlock(&keys->lock);
        if (e)
                entry_free(e);
        return e != NULL;
}
