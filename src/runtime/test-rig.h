/* test-rig.h - a real server on its own loops and threads, and a blocking client, for the tests of this folder. */
#ifndef CARNET_RUNTIME_TEST_RIG_H
#define CARNET_RUNTIME_TEST_RIG_H
#include "runtime/http_server.h"
#include "runtime/listen.h"
#include <errno.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#define RIG_LOOPS 2

typedef struct Rig {
        Loops *loops;
        HttpServer *servers[RIG_LOOPS];
        unsigned n;
        int port;
        pthread_t thread;
} Rig;

static void *rig_main(void *arg) {
        Outcome o = loops_run(((Rig *)arg)->loops);
        (void)o;
        return NULL;
}

static inline void rig_start(Rig *rig, unsigned n, const HttpServerConfig *config) {
        char address[32] = "127.0.0.1:0";
        *rig = (Rig){.n = n};
        assert_true(outcome_ok(loops_new(n, &rig->loops)));
        for (unsigned i = 0; i < n; i++) {
                int fd = -1;
                assert_true(outcome_ok(listen_tcp(text_of(address), true, &fd)));
                rig->port = listen_port(fd);
                snprintf(address, sizeof address, "127.0.0.1:%d", rig->port);
                assert_true(outcome_ok(http_server_new(loops_at(rig->loops, i), config, &rig->servers[i])));
                assert_true(outcome_ok(http_server_listen(rig->servers[i], fd)));
        }
}

static inline void rig_go(Rig *rig) { assert_int_equal(pthread_create(&rig->thread, NULL, rig_main, rig), 0); }

static inline void rig_join(Rig *rig, int grace_ms) {
        loops_stop(rig->loops, grace_ms);
        pthread_join(rig->thread, NULL);
}

static inline void rig_stop(Rig *rig) {
        rig_join(rig, 500);
        loops_free(rig->loops);
}

static inline void patience(int fd, int ms) {
        struct timeval t = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
}

static inline int rig_dial(const Rig *rig) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)rig->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
        patience(fd, 5000);
        return fd;
}

static inline void say(int fd, const char *bytes, size_t len) {
        for (size_t at = 0; at < len;) {
                ssize_t n = send(fd, bytes + at, len - at, MSG_NOSIGNAL);
                if (n <= 0)
                        return;
                at += (size_t)n;
        }
}

static inline void say_text(int fd, const char *text) { say(fd, text, strlen(text)); }

/* Whole when its head says so. */
static inline bool answer_whole(const char *answer, size_t len) {
        const char *body = strstr(answer, "\r\n\r\n");
        if (!body)
                return false;
        const char *length = strstr(answer, "Content-Length: ");
        if (length && length < body)
                return len >= (size_t)(body + 4 - answer) + strtoul(length + 16, NULL, 10);
        return strstr(answer, "Transfer-Encoding: chunked") ? strstr(body, "\r\n0\r\n\r\n") != NULL : strstr(answer, " 204 ") != NULL;
}

/* One answer, or all until the end of the connection; empty when there was none. */
static inline size_t hear(int fd, char *answer, size_t size) {
        size_t len = 0;
        answer[0] = 0;
        while (len + 1 < size && !answer_whole(answer, len)) {
                ssize_t n = recv(fd, answer + len, size - 1 - len, 0);
                if (n <= 0)
                        break;
                len += (size_t)n;
                answer[len] = 0;
        }
        return len;
}

static inline bool closed(int fd) {
        char rest[256];
        ssize_t n;
        while ((n = recv(fd, rest, sizeof rest, 0)) > 0)
                ;
        return n == 0 || errno == ECONNRESET; /* reset: the server stopped before it accepted */
}

static inline int status_of(const char *answer) { return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? atoi(answer + 9) : 0; }

/* Sends bytes on a connection of their own; the status of the answer. */
static inline int ask(const Rig *rig, const char *bytes, size_t len, char *answer, size_t size) {
        int fd = rig_dial(rig);
        say(fd, bytes, len);
        hear(fd, answer, size);
        close(fd);
        return status_of(answer);
}
#endif
