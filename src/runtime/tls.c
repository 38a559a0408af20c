#include "runtime/tls.h"
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>

struct Tls {
        pthread_mutex_t lock; /* of `context`; connections hold their own count */
        SSL_CTX *context;
        char certificate[1024], key[1024];
};

/* RFC 7301: a client that offers only other protocols gets no_application_protocol. */
static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *len, const unsigned char *in, unsigned in_len, void *arg) {
        (void)ssl, (void)arg;
        static const unsigned char http[] = "\x08http/1.1";
        int found = SSL_select_next_proto((unsigned char **)out, len, http, sizeof http - 1, in, in_len);
        return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void context_settings(SSL_CTX *context) {
        SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
        /* Forward secrecy and AEAD only for TLS 1.2 (RFC 9325 4.2). */
        SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
        SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
        SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* tickets only; their keys are this context's and go with it */
        SSL_CTX_set_timeout(context, 3600);
        SSL_CTX_set_alpn_select_cb(context, choose_alpn, NULL);
}

static Outcome context_new(const Tls *tls, SSL_CTX **out) {
        SSL_CTX *context = SSL_CTX_new(TLS_server_method());
        ENSURE(context, outcome_fault("SSL_CTX_new"));
        context_settings(context);
        Outcome o = outcome_good();
        if (SSL_CTX_use_certificate_chain_file(context, tls->certificate) != 1)
                o = outcome_malformed("the certificate file cannot be read");
        else if (SSL_CTX_use_PrivateKey_file(context, tls->key, SSL_FILETYPE_PEM) != 1)
                o = outcome_malformed("the key file cannot be read, or does not fit the certificate");
        ERR_clear_error();
        if (!outcome_ok(o))
                SSL_CTX_free(context);
        else
                *out = context;
        return o;
}

Outcome tls_new(Text certificate_file, Text key_file, Tls **out) {
        Tls *tls = calloc(1, sizeof *tls);
        ENSURE(tls, outcome_fault("memory"));
        pthread_mutex_init(&tls->lock, NULL);
        bool fits = certificate_file.len < sizeof tls->certificate && key_file.len < sizeof tls->key;
        if (fits) {
                memcpy(tls->certificate, certificate_file.at, certificate_file.len);
                memcpy(tls->key, key_file.at, key_file.len);
        }
        Outcome o = fits ? context_new(tls, &tls->context) : outcome_malformed("a file name is too long");
        if (!outcome_ok(o))
                tls_free(tls);
        else
                *out = tls;
        return o;
}

Outcome tls_reload(Tls *tls) {
        SSL_CTX *context = NULL;
        TRY(context_new(tls, &context));
        pthread_mutex_lock(&tls->lock);
        SSL_CTX *old = tls->context;
        tls->context = context;
        pthread_mutex_unlock(&tls->lock);
        SSL_CTX_free(old); /* counted: goes with its last connection */
        return outcome_good();
}

void tls_free(Tls *tls) {
        if (!tls)
                return;
        SSL_CTX_free(tls->context);
        pthread_mutex_destroy(&tls->lock);
        free(tls);
}

struct ssl_st *tls_accept(Tls *tls, int fd) {
        pthread_mutex_lock(&tls->lock);
        SSL *ssl = SSL_new(tls->context);
        pthread_mutex_unlock(&tls->lock);
        if (ssl && SSL_set_fd(ssl, fd) == 1) {
                SSL_set_accept_state(ssl);
                return ssl;
        }
        SSL_free(ssl);
        ERR_clear_error();
        return NULL;
}
