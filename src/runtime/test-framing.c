/* Messages cut anywhere read the same; messages that two readers could read differently are refused and end the connection. */
#include "runtime/test-rig.h"

static Rig rig;

static void echo(void *arg, HttpExchange *x) {
        (void)arg;
        const HttpRequest *r = http_request(x);
        Text body = text_print(http_arena(x), "%.*s|%.*s|%.*s|%.*s|%zu|%.*s|%.*s", TEXT_ARG(r->method), TEXT_ARG(r->path), TEXT_ARG(r->query),
                               TEXT_ARG(r->host), r->n_headers, TEXT_ARG(http_header(x, "x-a")), TEXT_ARG(r->body));
        http_answer_text(x, 200, body);
}

static int set_up(void **state) {
        (void)state;
        HttpServerConfig config = {.handler = echo, .limits = http_limits()};
        rig_start(&rig, 1, &config);
        rig_go(&rig);
        return 0;
}

static int tear_down(void **state) {
        (void)state;
        rig_stop(&rig);
        return 0;
}

static const char *body_of(const char *answer) {
        const char *body = strstr(answer, "\r\n\r\n");
        return body ? body + 4 : "";
}

static void expect_cut(const char *message, const char *expected) {
        size_t len = strlen(message);
        char answer[4096];
        for (size_t cut = 0; cut <= len; cut++) {
                int fd = rig_dial(&rig);
                int on = 1;
                setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof on);
                say(fd, message, cut);
                if (cut % 3 == 0)
                        usleep(300); /* let the server see the first part alone */
                say(fd, message + cut, len - cut);
                hear(fd, answer, sizeof answer);
                assert_int_equal(status_of(answer), 200);
                assert_string_equal(body_of(answer), expected);
                close(fd);
        }
}

static void every_cut_reads_the_same(void **state) {
        (void)state;
        expect_cut("POST /a%20b?c=%26 HTTP/1.1\r\nHost: h:1\r\nX-A:  v w \r\nContent-Length: 5\r\n\r\nhello", "POST|/a%20b|c=%26|h:1|3|v w|hello");
        expect_cut("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nX-A: t\r\n\r\n", "POST|/||h|2||hello");
}

static void byte_by_byte_is_no_different(void **state) {
        (void)state;
        const char *message = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";
        char answer[4096];
        int fd = rig_dial(&rig);
        for (size_t i = 0; message[i]; i++) {
                say(fd, message + i, 1);
                usleep(100);
        }
        hear(fd, answer, sizeof answer);
        assert_string_equal(body_of(answer), "GET|/x||h|1||");
        close(fd);
}

static void pipelined_requests_are_answered_in_order(void **state) {
        (void)state;
        char answers[8192];
        int fd = rig_dial(&rig);
        say_text(fd, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nxGET /3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        size_t len = 0;
        for (ssize_t n; (n = recv(fd, answers + len, sizeof answers - 1 - len, 0)) > 0;)
                len += (size_t)n;
        answers[len] = 0;
        const char *one = strstr(answers, "GET|/1|"), *two = strstr(answers, "POST|/2||h|2||x"), *three = strstr(answers, "GET|/3|");
        assert_true(one && two && three && one < two && two < three);
        close(fd);
}

static void targets_are_read_whole(void **state) {
        (void)state;
        char answer[4096];
        const char *absolute = "GET http://other:81/p?q HTTP/1.1\r\nHost: h\r\n\r\n";
        assert_int_equal(ask(&rig, absolute, strlen(absolute), answer, sizeof answer), 200);
        assert_string_equal(body_of(answer), "GET|/p|q|other:81|1||");
        const char *old = "GET / HTTP/1.0\r\n\r\n";
        assert_int_equal(ask(&rig, old, strlen(old), answer, sizeof answer), 200);
        assert_non_null(strstr(answer, "Connection: close"));
}

typedef struct Bad {
        const char *message;
        int status; /* 0: any of 4xx and 5xx */
} Bad;

#define H "Host: h\r\n"
static const Bad bad[] = {
        {"POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n", 0},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding:\x0b" "chunked\r\n\r\n0\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400},
        {"POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400},
        {"POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400},
        {"POST / HTTP/1.1\r\n" H "Content-Length: 1, 1\r\n\r\nx", 400},
        {"POST / HTTP/1.1\r\n" H "Content-Length: +1\r\n\r\nx", 400},
        {"POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\nx", 400},
        {"POST / HTTP/1.1\r\n" H "Content-Length: 0x1\r\n\r\nx", 400},
        {"POST / HTTP/1.1\r\n" H "Content-Length: 1 1\r\n\r\nx", 400},
        {"POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999999\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" H "Content-Length: 65537\r\n\r\n", 413},
        {"GET / HTTP/1.1\r\n" H "X-A: b\r\n c\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" H "X-A: b\n\r\n", 400},
        {"GET / HTTP/1.1\nHost: h\n\n", 400},
        {"GET / HTTP/1.1\r\n" H "X-A: b\rX-B: c\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" H "X A: b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" H ": b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" H " X-A: b\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n11111111111111111\r\nx\r\n", 400},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n1\nx\n0\n\n", 400},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n1 \r\nx\r\n0\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n1;a\nb\r\nx\r\n0\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" H H "\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" H "Authorization: Basic eA==\r\nAuthorization: Basic eQ==\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" H "Cookie: a=1\r\ncookie: a=2\r\n\r\n", 400},
        {"GET /a#b HTTP/1.1\r\n" H "\r\n", 400},
        {"GET * HTTP/1.1\r\n" H "\r\n", 400},
        {"GET http://u@h/ HTTP/1.1\r\n" H "\r\n", 400},
        {"GET /\x80 HTTP/1.1\r\n" H "\r\n", 400},
        {"GET / HTTP/2.0\r\n" H "\r\n", 0},
        {"GET / HTTP/1.2\r\n" H "\r\n", 0},
        {"GET /\r\n\r\n", 505},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0},
        {"CONNECT h:1 HTTP/1.1\r\n" H "\r\n", 501},
        {"BREW / HTTP/1.1\r\n" H "\r\n", 400},
        {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400},
        {"POST / HTTP/1.1\r\n" H "Expect: 200-ok\r\nContent-Length: 1\r\n\r\n", 417},
};

static void ambiguity_is_refused(void **state) {
        (void)state;
        char answer[4096];
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                int fd = rig_dial(&rig);
                say_text(fd, bad[i].message);
                say_text(fd, "GET /smuggled HTTP/1.1\r\n" H "\r\n");
                size_t len = hear(fd, answer, sizeof answer);
                int status = status_of(answer);
                if (bad[i].status ? status != bad[i].status : status < 400)
                        print_error("case %zu: %d for %s\n", i, status, bad[i].message);
                assert_true(bad[i].status ? status == bad[i].status : status >= 400);
                assert_non_null(strstr(answer, "Connection: close"));
                assert_null(strstr(answer + (len ? 1 : 0), "HTTP/1.1 200"));
                shutdown(fd, SHUT_WR);
                assert_true(closed(fd));
                close(fd);
        }
}

static void fill(char *to, size_t size, const char *before, size_t many, const char *after) {
        size_t at = (size_t)snprintf(to, size, "%s", before);
        memset(to + at, 'a', many);
        snprintf(to + at + many, size - at - many, "%s", after);
}

static void limits_hold(void **state) {
        (void)state;
        char *message = malloc(200000), answer[4096];
        fill(message, 200000, "GET /", 9000, " HTTP/1.1\r\n" H "\r\n");
        assert_int_equal(ask(&rig, message, strlen(message), answer, sizeof answer), 414);
        fill(message, 200000, "GET / HTTP/1.1\r\n" H "X-A: ", 40000, "\r\n\r\n");
        assert_int_equal(ask(&rig, message, strlen(message), answer, sizeof answer), 431);
        fill(message, 200000, "GET / HTTP/1.1\r\n" H, 0, "");
        for (int i = 0; i < 64; i++)
                strcat(message, "A: b\r\n");
        strcat(message, "\r\n");
        assert_int_equal(ask(&rig, message, strlen(message), answer, sizeof answer), 431);
        fill(message, 200000, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n10001\r\n", 0x10001, "\r\n0\r\n\r\n");
        assert_int_equal(ask(&rig, message, strlen(message), answer, sizeof answer), 413);
        fill(message, 200000, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n1;", 300, "\r\na\r\n0\r\n\r\n");
        assert_int_equal(ask(&rig, message, strlen(message), answer, sizeof answer), 400);
        memset(message, '\n', 100000);
        for (int i = 0; i < 100000; i += 2)
                message[i] = '\r';
        assert_true(ask(&rig, message, 100000, answer, sizeof answer) >= 400);
        free(message);
}

static void a_body_may_wait_for_continue(void **state) {
        (void)state;
        char answer[4096];
        int fd = rig_dial(&rig);
        say_text(fd, "POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
        ssize_t n = recv(fd, answer, sizeof answer, 0);
        assert_int_equal(n, 25);
        assert_memory_equal(answer, "HTTP/1.1 100 Continue\r\n\r\n", 25);
        say_text(fd, "ok");
        hear(fd, answer, sizeof answer);
        assert_int_equal(status_of(answer), 200);
        close(fd);
        const char *large = "POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 70000\r\n\r\n";
        assert_int_equal(ask(&rig, large, strlen(large), answer, sizeof answer), 413);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_cut_reads_the_same),
                cmocka_unit_test(byte_by_byte_is_no_different),
                cmocka_unit_test(pipelined_requests_are_answered_in_order),
                cmocka_unit_test(targets_are_read_whole),
                cmocka_unit_test(ambiguity_is_refused),
                cmocka_unit_test(limits_hold),
                cmocka_unit_test(a_body_may_wait_for_continue),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
