/* tls.h - the server's TLS: one context, whole-swapped on reload.
 *
 * knows        TLS 1.2 and 1.3, a certificate chain and its key (PEM files), ALPN http/1.1, rotated session tickets
 * lifetime     connections keep the context they began with
 * threads      tls_reload() [any thread]
 * errors       refused row 0 when the files do not hold a matching pair; the old context stays
 */
#ifndef CARNET_RUNTIME_TLS_H
#define CARNET_RUNTIME_TLS_H
#include "base/text.h"

typedef struct Tls Tls;
struct ssl_st;

MUST_USE Outcome tls_new(Text certificate_file, Text key_file, Tls **out);
MUST_USE Outcome tls_reload(Tls *tls);
void tls_free(Tls *tls);                     /* NULL is fine */
struct ssl_st *tls_accept(Tls *tls, int fd); /* NULL without memory */
#endif
