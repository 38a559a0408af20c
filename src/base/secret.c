#include "base/secret.h"
#include <sodium.h>
#include <stdlib.h>

struct Secret {
        unsigned char *bytes;
        size_t len;
};

static Secret *secret_make(size_t len) {
        Secret *s = sodium_init() < 0 ? NULL : calloc(1, sizeof *s);
        if (!s)
                return NULL;
        s->len = len;
        s->bytes = sodium_malloc(len ? len : 1);
        if (!s->bytes) {
                free(s);
                return NULL;
        }
        return s;
}

Secret *secret_new(const void *bytes, size_t len) {
        Secret *s = secret_make(len);
        if (!s)
                return NULL;
        if (len)
                memcpy(s->bytes, bytes, len);
        secret_shut(s);
        return s;
}

Secret *secret_random(size_t len) {
        Secret *s = secret_make(len);
        if (!s)
                return NULL;
        randombytes_buf(s->bytes, len);
        secret_shut(s);
        return s;
}

void secret_free(Secret *s) {
        if (!s)
                return;
        sodium_free(s->bytes);
        free(s);
}

Text secret_open(Secret *s) {
        sodium_mprotect_readonly(s->bytes);
        return (Text){(const char *)s->bytes, s->len};
}

void secret_shut(Secret *s) { sodium_mprotect_noaccess(s->bytes); }
