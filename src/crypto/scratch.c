#include "crypto/scratch.h"
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t ends; /* only its destructor is used; reading goes by the thread-local pointer */
static _Thread_local Scratch *mine;

static void scratch_free(void *value) {
        Scratch *s = value;
        EVP_MD_CTX_free(s->whole);
        EVP_MD_CTX_free(s->digest);
        EVP_MD_free(s->sha256);
        free(s);
        mine = NULL;
}

static void scratch_key(void) {
        if (pthread_key_create(&ends, scratch_free) != 0)
                abort();
}

static Scratch *scratch_make(void) {
        pthread_once(&once, scratch_key);
        Scratch *s = calloc(1, sizeof *s);
        if (!s)
                abort();
        s->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
        s->digest = EVP_MD_CTX_new();
        s->whole = EVP_MD_CTX_new();
        if (!s->sha256 || !s->digest || !s->whole || pthread_setspecific(ends, s) != 0)
                abort();
        return s;
}

Scratch *scratch(void) {
        if (!mine)
                mine = scratch_make();
        return mine;
}

bool scratch_settle(bool ok) {
        if (!ok)
                ERR_clear_error();
        return ok;
}
