/* Exchanges over time: late answers, clients that leave, deadlines, streams, connection-long hooks, peers, TLS, stopping. */
#include "runtime/test-rig.h"
#include "runtime/tls.h"
#include "runtime/metrics.h"
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <sys/resource.h>

static atomic_int gone, sent, ended_hooks, drains, late_dropped, arrived;

typedef struct Later {
        HttpRef ref;
        int pieces;
} Later;

static void on_end(void *arg, HttpEnd end) {
        (void)arg;
        (end == HTTP_SENT ? &sent : &gone)[0]++;
}

static void answer_later(void *arg) {
        Later *later = arg;
        HttpExchange *x = http_at(later->ref);
        if (x)
                http_answer_text(x, 200, TEXT("late"));
        else
                late_dropped++;
        free(later);
}

static Later *later_new(HttpExchange *x) {
        Later *later = calloc(1, sizeof *later);
        later->ref = http_ref(x);
        return later;
}

static void stream_more(void *arg) {
        Later *later = arg;
        HttpExchange *x = http_at(later->ref);
        if (!x || later->pieces == 3) {
                if (x)
                        http_stream_end(x);
                free(later);
                return;
        }
        later->pieces++;
        http_stream_write(x, TEXT("data: piece\n\n"));
        loop_after(http_loop(x), 5, stream_more, later);
}

static void flood_more(void *arg) {
        HttpExchange *x = arg;
        static char block[8192];
        drains++;
        for (int i = 0; i < 10000 && http_stream_write(x, (Text){block, sizeof block}); i++)
                ;
}

static void hook_ended(void *arg) {
        (void)arg;
        ended_hooks++;
}

static void release_later(void *arg) {
        HttpExchange *x = arg;
        memset((char *)http_request(x)->body.at, 'x', http_request(x)->body.len); /* still ours to touch */
        http_release(x);
}

static void answer_peer(HttpExchange *x) {
        const HttpPeer *p = &http_request(x)->peer;
        http_answer_text(x, 200, text_print(http_arena(x), "%.*s %d %d %d %d", TEXT_ARG(p->address), p->loopback, p->secure, p->unix_socket, (int)p->uid));
}

static void stream(HttpExchange *x, bool flood) {
        HttpHeader type = {TEXT("Content-Type"), TEXT("text/event-stream")};
        http_on_end(x, on_end, NULL);
        assert_true(http_stream_begin(x, 200, &type, 1));
        if (!flood) {
                stream_more(later_new(x));
                return;
        }
        http_stream_on_drain(x, flood_more, x);
        flood_more(x);
}

static void handler(void *arg, HttpExchange *x) {
        (void)arg;
        Text path = http_request(x)->path;
        if (text_is(path, "/later") || text_is(path, "/slow") || text_is(path, "/never"))
                http_on_end(x, on_end, NULL), arrived++;
        if (text_is(path, "/later") || text_is(path, "/slow")) {
                loop_after(http_loop(x), text_is(path, "/slow") ? 300 : 30, answer_later, later_new(x));
        } else if (text_is(path, "/hold")) {
                http_hold(x);
                loop_after(http_loop(x), 50, release_later, x);
        } else if (text_is(path, "/stream") || text_is(path, "/flood")) {
                stream(x, text_is(path, "/flood"));
        } else if (text_is(path, "/key")) {
                assert_true(http_on_close(x, hook_ended, NULL));
                http_answer_text(x, 201, TEXT("registered"));
        } else if (text_is(path, "/peer")) {
                answer_peer(x);
        } else if (text_is(path, "/after")) {
                char *mine = arena_take(http_arena(x), 10000);
                int before = sent;
                http_on_end(x, on_end, NULL);
                http_answer_text(x, 200, TEXT("ok"));
                http_drop(x);
                http_answer_text(x, 500, TEXT("twice"));
                memset(mine, 'x', 10000); /* the end comes only after us */
                assert_int_equal(sent, before);
        } else if (text_is(path, "/drop")) {
                http_drop(x);
        } else if (text_is(path, "/split")) {
                HttpHeader bad = {TEXT("Location"), TEXT("/a\r\nSet-Cookie: b=c")};
                http_answer(x, 303, &bad, 1, TEXT_NONE);
        } else if (text_is(path, "/large")) {
                size_t size = 1 << 20;
                char *body = arena_take(http_arena(x), size);
                memset(body, 'l', size);
                http_answer_text(x, 200, (Text){body, size});
        } else if (!text_is(path, "/never")) {
                http_answer_text(x, 200, TEXT("ok"));
        }
}

static HttpServerConfig config_new(void) {
        HttpServerConfig config = {.handler = handler, .limits = http_limits()};
        config.limits.head_ms = 200;
        config.limits.body_ms = 250;
        config.limits.idle_ms = 300;
        config.limits.write_ms = 300;
        return config;
}

/* For what is no test of deadlines: a machine under load keeps none. */
static HttpServerConfig config_patient(void) { return (HttpServerConfig){.handler = handler, .limits = http_limits()}; }

static void start(Rig *rig, unsigned loops, const HttpServerConfig *config) {
        gone = sent = ended_hooks = drains = late_dropped = arrived = 0;
        rig_start(rig, loops, config);
        rig_go(rig);
}

static void wait_for(atomic_int *what, int value) {
        for (int i = 0; i < 300 && *what < value; i++)
                usleep(10000);
        assert_int_equal(*what, value);
}

static int get(const Rig *rig, const char *path, char *answer, size_t size) {
        char message[256];
        int n = snprintf(message, sizeof message, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", path);
        return ask(rig, message, (size_t)n, answer, size);
}

static void answers_may_come_late(void **state) {
        (void)state;
        Rig rig;
        HttpServerConfig config = config_patient();
        char answer[4096];
        start(&rig, 1, &config);
        assert_int_equal(get(&rig, "/later", answer, sizeof answer), 200);
        assert_non_null(strstr(answer, "\r\n\r\nlate"));
        assert_non_null(strstr(answer, "Date: "));
        assert_non_null(strstr(answer, "X-Content-Type-Options: nosniff"));
        wait_for(&sent, 1);
        int fd = rig_dial(&rig); /* pipelined behind a pending exchange */
        say_text(fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
        usleep(5000);
        say_text(fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        hear(fd, answer, sizeof answer);
        assert_non_null(strstr(answer, "\r\n\r\nlate"));
        if (!strstr(answer, "ok"))
                hear(fd, answer, sizeof answer);
        assert_non_null(strstr(answer, "ok"));
        close(fd);
        rig_stop(&rig);
}

static void a_late_answer_to_nobody_is_dropped(void **state) {
        (void)state;
        Rig rig;
        HttpServerConfig config = config_new();
        start(&rig, 1, &config);
        for (int i = 0; i < 3; i++) {
                int fd = rig_dial(&rig);
                say_text(fd, "POST /hold HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
                usleep(3000);
                close(fd);
                fd = rig_dial(&rig);
                say_text(fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
                usleep(3000);
                close(fd);
        }
        wait_for(&gone, 3);
        wait_for(&late_dropped, 3);
        usleep(60000);
        rig_stop(&rig);
}

static void slow_heads_and_bodies_meet_their_deadline(void **state) {
        (void)state;
        Rig rig;
        HttpServerConfig config = config_new();
        char answer[4096];
        start(&rig, 1, &config);
        int fd = rig_dial(&rig);
        for (int i = 0; i < 12; i++) { /* a byte now and then does not help */
                say(fd, &"GET / HTTP/1.1\r\nHost"[i], 1);
                usleep(25000);
        }
        hear(fd, answer, sizeof answer);
        assert_int_equal(status_of(answer), 408);
        close(fd);
        const char *half = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc";
        assert_int_equal(ask(&rig, half, strlen(half), answer, sizeof answer), 408);
        fd = rig_dial(&rig); /* says nothing at all */
        assert_true(closed(fd));
        close(fd);
        fd = rig_dial(&rig); /* idle after an answer */
        say_text(fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        hear(fd, answer, sizeof answer);
        assert_int_equal(status_of(answer), 200);
        assert_true(closed(fd));
        close(fd);
        rig_stop(&rig);
}

static void streams_flow_and_end(void **state) {
        (void)state;
        Rig rig;
        HttpServerConfig config = config_patient();
        char answer[4096];
        start(&rig, 1, &config);
        int fd = rig_dial(&rig);
        say_text(fd, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
        hear(fd, answer, sizeof answer);
        assert_non_null(strstr(answer, "Transfer-Encoding: chunked"));
        assert_non_null(strstr(answer, "d\r\ndata: piece\n\n\r\nd\r\ndata: piece\n\n\r\nd\r\ndata: piece\n\n\r\n0\r\n\r\n"));
        say_text(fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); /* and the connection lives on */
        hear(fd, answer, sizeof answer);
        assert_int_equal(status_of(answer), 200);
        close(fd);
        const char *old = "GET /stream HTTP/1.0\r\n\r\n";
        fd = rig_dial(&rig);
        say_text(fd, old);
        hear(fd, answer, sizeof answer);
        assert_non_null(strstr(answer, "\r\n\r\ndata: piece\n\ndata: piece\n\ndata: piece\n\n"));
        close(fd);
        rig_stop(&rig);
}

static void a_reader_that_stops_is_let_go(void **state) {
        (void)state;
        Rig rig;
        HttpServerConfig config = config_new();
        start(&rig, 1, &config);
        int fd = rig_dial(&rig);
        say_text(fd, "GET /flood HTTP/1.1\r\nHost: h\r\n\r\n");
        char some[65536];
        for (int i = 0; i < 1000 && drains < 4; i++) {
                usleep(20000); /* it fills up… */
                while (recv(fd, some, sizeof some, MSG_DONTWAIT) > 0)
                        ; /* …and drains */
        }
        assert_true(drains >= 4);
        wait_for(&gone, 1); /* write deadline */
        close(fd);
        fd = rig_dial(&rig); /* the same for one large answer */
        say_text(fd, "GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
        size_t len = 0;
        for (ssize_t n; len < (1 << 20) && (n = recv(fd, some, sizeof some, 0)) > 0;)
                len += (size_t)n;
        assert_true(len > 1 << 20);
        close(fd);
        rig_stop(&rig);
}

static void hooks_last_as_long_as_the_connection(void **state) {
        (void)state;
        Rig rig;
        HttpServerConfig config = config_new();
        char answer[4096];
        start(&rig, 1, &config);
        int fd = rig_dial(&rig);
        say_text(fd, "POST /key HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
        hear(fd, answer, sizeof answer);
        assert_int_equal(status_of(answer), 201);
        usleep(500000); /* longer than idle_ms */
        assert_int_equal(ended_hooks, 0);
        say_text(fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        hear(fd, answer, sizeof answer);
        assert_int_equal(status_of(answer), 200);
        close(fd);
        wait_for(&ended_hooks, 1);
        rig_stop(&rig);
}

static void odd_ends(void **state) {
        (void)state;
        Rig rig;
        HttpServerConfig config = config_new();
        char answer[4096];
        start(&rig, 1, &config);
        assert_int_equal(get(&rig, "/drop", answer, sizeof answer), 0);
        assert_int_equal(get(&rig, "/after", answer, sizeof answer), 200);
        wait_for(&sent, 1);
        assert_int_equal(get(&rig, "/split", answer, sizeof answer), 500);
        assert_null(strstr(answer, "Set-Cookie"));
        int fd = rig_dial(&rig);
        say_text(fd, "HEAD / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        size_t len = 0;
        for (ssize_t n; (n = recv(fd, answer + len, sizeof answer - 1 - len, 0)) > 0;)
                len += (size_t)n;
        answer[len] = 0;
        assert_non_null(strstr(answer, "Content-Length: 2\r\n\r\nHTTP/1.1 200"));
        close(fd);
        rig_stop(&rig);
}

static void proxies_are_believed_only_when_trusted(void **state) {
        (void)state;
        Rig rig;
        HttpServerConfig config = config_patient();
        char answer[4096];
        const char *message = "GET /peer HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 6.6.6.6, 9.9.9.9, 10.1.2.3\r\nX-Forwarded-Proto: https\r\n\r\n";
        start(&rig, 1, &config);
        ask(&rig, message, strlen(message), answer, sizeof answer);
        assert_non_null(strstr(answer, "\r\n\r\n127.0.0.1 1 0 0"));
        rig_stop(&rig);
        Text trusted[] = {TEXT("127.0.0.0/8"), TEXT("10.0.0.0/8")};
        config.trusted_proxies = (Texts){trusted, 2};
        start(&rig, 1, &config);
        ask(&rig, message, strlen(message), answer, sizeof answer);
        assert_non_null(strstr(answer, "\r\n\r\n9.9.9.9 1 1 0"));
        rig_stop(&rig);
}

static void unix_peers_are_known(void **state) {
        (void)state;
        Rig rig;
        HttpServerConfig config = config_patient();
        char path[] = "/tmp/carnet-test-XXXXXX", file[64], answer[4096], expected[64];
        assert_non_null(mkdtemp(path));
        snprintf(file, sizeof file, "%s/s", path);
        int fd = -1, again = -1;
        assert_true(outcome_ok(listen_unix(text_of(file), 0600, &fd)));
        assert_false(outcome_ok(listen_unix(text_of(file), 0600, &again))); /* in use */
        rig_start(&rig, 1, &config);
        assert_true(outcome_ok(http_server_listen(rig.servers[0], fd)));
        rig_go(&rig);
        struct sockaddr_un un = {.sun_family = AF_UNIX};
        snprintf(un.sun_path, sizeof un.sun_path, "%s", file);
        int c = socket(AF_UNIX, SOCK_STREAM, 0);
        assert_int_equal(connect(c, (struct sockaddr *)&un, sizeof un), 0);
        say_text(c, "GET /peer HTTP/1.1\r\nHost: h\r\n\r\n");
        hear(c, answer, sizeof answer);
        snprintf(expected, sizeof expected, "\r\n\r\n 1 0 1 %d", (int)getuid());
        assert_non_null(strstr(answer, expected));
        close(c);
        rig_stop(&rig);
        assert_true(outcome_ok(listen_unix(text_of(file), 0600, &again))); /* stale now */
        close(again);
        unlink(file);
        rmdir(path);
}

static void the_idle_give_way_to_the_new(void **state) {
        (void)state;
        Rig rig;
        HttpServerConfig config = config_new();
        char answer[4096];
        int fds[8];
        config.limits.connections = 4;
        config.limits.head_ms = 5000;
        start(&rig, 1, &config);
        for (int i = 0; i < 8; i++) {
                fds[i] = rig_dial(&rig);
                say_text(fds[i], "GET / HT");
                usleep(2000);
        }
        assert_int_equal(get(&rig, "/", answer, sizeof answer), 200);
        assert_true(closed(fds[0]));
        for (int i = 0; i < 8; i++)
                close(fds[i]);
        rig_stop(&rig);
}

static void no_descriptors_pauses_accepting(void **state) {
        (void)state;
        Rig rig;
        HttpServerConfig config = config_patient();
        char answer[4096];
        struct rlimit old, low;
        config.limits.idle_ms = 5000;
        start(&rig, 1, &config);
        int early = rig_dial(&rig), late = rig_dial(&rig);
        say_text(early, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        hear(early, answer, sizeof answer);
        getrlimit(RLIMIT_NOFILE, &old);
        low = old;
        low.rlim_cur = (rlim_t)late + 2; /* the next accept finds none, once `spare` is taken */
        int spare = socket(AF_INET, SOCK_STREAM, 0), waiting = socket(AF_INET, SOCK_STREAM, 0);
        setrlimit(RLIMIT_NOFILE, &low);
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)rig.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        assert_int_equal(connect(waiting, (struct sockaddr *)&at, sizeof at), 0);
        say_text(waiting, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        patience(waiting, 100);
        assert_int_equal(hear(waiting, answer, sizeof answer), 0);
        say_text(early, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); /* who is in is served */
        hear(early, answer, sizeof answer);
        assert_int_equal(status_of(answer), 200);
        setrlimit(RLIMIT_NOFILE, &old);
        patience(waiting, 5000);
        hear(waiting, answer, sizeof answer);
        assert_int_equal(status_of(answer), 200);
        close(early), close(late), close(spare), close(waiting);
        rig_stop(&rig);
}

static void stopping_finishes_what_was_asked(void **state) {
        (void)state;
        Rig rig;
        HttpServerConfig config = config_patient();
        char answer[4096];
        start(&rig, RIG_LOOPS, &config);
        int asked = rig_dial(&rig), never = rig_dial(&rig), idle = rig_dial(&rig);
        say_text(asked, "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
        say_text(never, "GET /never HTTP/1.1\r\nHost: h\r\n\r\n");
        wait_for(&arrived, 2);
        rig_join(&rig, 1500);
        hear(asked, answer, sizeof answer);
        assert_int_equal(status_of(answer), 200);
        assert_non_null(strstr(answer, "Connection: close"));
        assert_true(closed(never) && closed(idle));
        assert_int_equal(gone, 1);
        loops_free(rig.loops);
        close(asked), close(never), close(idle);
}

/* --- TLS --- */

static void write_pair(const char *certificate, const char *key) {
        EVP_PKEY *pkey = EVP_EC_gen("P-256");
        X509 *x509 = X509_new();
        X509_set_version(x509, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
        X509_gmtime_adj(X509_getm_notBefore(x509), -60);
        X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
        X509_set_pubkey(x509, pkey);
        X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
        X509_set_issuer_name(x509, X509_get_subject_name(x509));
        X509_sign(x509, pkey, EVP_sha256());
        FILE *f = fopen(certificate, "w");
        PEM_write_X509(f, x509);
        fclose(f);
        f = fopen(key, "w");
        PEM_write_PrivateKey(f, pkey, NULL, NULL, 0, NULL, NULL);
        fclose(f);
        X509_free(x509);
        EVP_PKEY_free(pkey);
}

static size_t tls_hear(SSL *ssl, char *answer, size_t size) {
        size_t len = 0;
        answer[0] = 0;
        for (int n; len + 1 < size && !answer_whole(answer, len) && (n = SSL_read(ssl, answer + len, (int)(size - 1 - len))) > 0;) {
                len += (size_t)n;
                answer[len] = 0;
        }
        return len;
}

static void tls_talk(const Rig *rig) {
        char *answer = malloc(2 << 20);
        SSL_CTX *context = SSL_CTX_new(TLS_client_method());
        SSL *ssl = SSL_new(context);
        int fd = rig_dial(rig);
        SSL_set_fd(ssl, fd);
        assert_int_equal(SSL_connect(ssl), 1);
        const char *two = "GET /later HTTP/1.1\r\nHost: h\r\n\r\nGET /peer HTTP/1.1\r\nHost: h\r\n\r\n";
        SSL_write(ssl, two, (int)strlen(two));
        tls_hear(ssl, answer, 2 << 20);
        assert_non_null(strstr(answer, "late"));
        if (!strstr(answer, "127.0.0.1"))
                tls_hear(ssl, answer, 2 << 20);
        assert_non_null(strstr(answer, "127.0.0.1 1 1 0"));
        const char *large = "GET /large HTTP/1.1\r\nHost: h\r\n\r\n";
        SSL_write(ssl, large, (int)strlen(large));
        assert_true(tls_hear(ssl, answer, 2 << 20) > 1 << 20);
        SSL_free(ssl);
        SSL_CTX_free(context);
        close(fd);
        free(answer);
}

static void tls_is_spoken(void **state) {
        (void)state;
        char path[] = "/tmp/carnet-test-XXXXXX", certificate[64], key[64], other[64];
        assert_non_null(mkdtemp(path));
        snprintf(certificate, sizeof certificate, "%s/c", path);
        snprintf(key, sizeof key, "%s/k", path);
        snprintf(other, sizeof other, "%s/o", path);
        write_pair(certificate, other);
        write_pair(other, key); /* key fits nothing that `certificate` holds */
        Tls *tls = NULL;
        assert_true(outcome_refused(tls_new(text_of(certificate), text_of(key), &tls)));
        write_pair(certificate, key);
        assert_true(outcome_ok(tls_new(text_of(certificate), text_of(key), &tls)));
        Rig rig;
        HttpServerConfig config = config_patient();
        config.limits.head_ms = 2000;
        config.tls = tls;
        start(&rig, 1, &config);
        tls_talk(&rig);
        write_pair(certificate, key);
        assert_true(outcome_ok(tls_reload(tls)));
        tls_talk(&rig);
        unlink(key);
        assert_true(outcome_refused(tls_reload(tls)));
        tls_talk(&rig);
        char answer[256];
        assert_int_equal(get(&rig, "/", answer, sizeof answer), 0); /* plain HTTP on a TLS port */
        rig_stop(&rig);
        tls_free(tls);
        unlink(certificate), unlink(other), rmdir(path);
}

static void requests_are_counted(void **state) {
        (void)state;
        Rig rig;
        HttpServerConfig config = config_patient();
        char answer[4096];
        config.metrics = metrics_new(http_metric_rows, http_metric_row_count, RIG_LOOPS);
        start(&rig, RIG_LOOPS, &config);
        for (int i = 0; i < 10; i++)
                get(&rig, "/", answer, sizeof answer);
        ask(&rig, "x\r\n\r\n", 5, answer, sizeof answer);
        rig_stop(&rig);
        Arena *arena = arena_new(1 << 16);
        Buf buf = buf_new(arena, 1024);
        metrics_print(config.metrics, &buf);
        const char *text = buf_done(&buf).at;
        assert_non_null(strstr(text, "carnet_http_requests_total{class=\"2xx\"} 10\n"));
        assert_non_null(strstr(text, "carnet_http_requests_total{class=\"4xx\"} 1\n"));
        assert_non_null(strstr(text, "carnet_http_limits_total{limit=\"protocol\"} 1\n"));
        assert_non_null(strstr(text, "carnet_http_connections 0\n"));
        arena_free(arena);
        metrics_free(config.metrics);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(answers_may_come_late),
                cmocka_unit_test(a_late_answer_to_nobody_is_dropped),
                cmocka_unit_test(slow_heads_and_bodies_meet_their_deadline),
                cmocka_unit_test(streams_flow_and_end),
                cmocka_unit_test(a_reader_that_stops_is_let_go),
                cmocka_unit_test(hooks_last_as_long_as_the_connection),
                cmocka_unit_test(odd_ends),
                cmocka_unit_test(proxies_are_believed_only_when_trusted),
                cmocka_unit_test(unix_peers_are_known),
                cmocka_unit_test(the_idle_give_way_to_the_new),
                cmocka_unit_test(no_descriptors_pauses_accepting),
                cmocka_unit_test(stopping_finishes_what_was_asked),
                cmocka_unit_test(tls_is_spoken),
                cmocka_unit_test(requests_are_counted),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
