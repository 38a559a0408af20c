/* scratch.h - what OpenSSL lets a thread keep between calls: fetched algorithms and a digest context (within crypto only).
 *
 * lifetime     made at a thread's first use, freed when the thread ends
 * errors       none: without memory for it the process cannot do anything and aborts
 */
#ifndef CARNET_CRYPTO_SCRATCH_H
#define CARNET_CRYPTO_SCRATCH_H
#include <openssl/evp.h>
#include <stdbool.h>

typedef struct Scratch {
        EVP_MD *sha256;
        EVP_MD_CTX *digest; /* for hash.c */
        EVP_MD_CTX *whole;  /* for one-shot EdDSA */
} Scratch;

Scratch *scratch(void);

/* Gives `ok` back. A failure left in this thread's OpenSSL error queue would be taken by SSL_get_error() for its own. */
bool scratch_settle(bool ok);
#endif
