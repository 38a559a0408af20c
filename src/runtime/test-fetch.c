/* Which addresses may be dialled, and what becomes of hostile answers. */
#include "runtime/fetch.h"
#include "runtime/test-rig.h"
#include <stdatomic.h>

typedef struct Asked {
        Rig rig;
        Fetcher *fetcher;
        pthread_mutex_t lock;
        pthread_cond_t some;
        int done;
        OutcomeEnd end;
        int status;
        char why[128], body[256], etag[64];
        const FetchRequest *request;
} Asked;

static Asked asked;
static atomic_int served;

static void slow_answer(void *arg) {
        HttpRef *ref = arg;
        HttpExchange *x = http_at(*ref);
        if (x)
                http_answer_text(x, 200, TEXT("slow"));
        free(ref);
}

static void serve(void *arg, HttpExchange *x) {
        (void)arg;
        served++;
        Text path = http_request(x)->path;
        HttpHeader json[] = {{TEXT("Content-Type"), TEXT("application/jwk-set+json")}, {TEXT("ETag"), TEXT("\"e1\"")}};
        HttpHeader location = {TEXT("Location"), TEXT("/json")}, zip = {TEXT("Content-Encoding"), TEXT("gzip")};
        static char large[100000];
        if (text_is(path, "/json"))
                http_answer(x, 200, json, 2, TEXT("{}"));
        else if (text_is(path, "/redirect"))
                http_answer(x, 302, &location, 1, TEXT_NONE);
        else if (text_is(path, "/notmodified"))
                http_answer(x, 304, json, 2, TEXT_NONE);
        else if (text_is(path, "/zip"))
                http_answer(x, 200, &zip, 1, TEXT("bomb"));
        else if (text_is(path, "/large"))
                http_answer_text(x, 200, (Text){large, sizeof large});
        else if (text_is(path, "/endless") && http_stream_begin(x, 200, json, 1))
                while (http_stream_write(x, (Text){large, 50000}))
                        ;
        else if (text_is(path, "/slow")) {
                HttpRef *ref = malloc(sizeof *ref);
                *ref = http_ref(x);
                loop_after(http_loop(x), 60, slow_answer, ref);
        } else if (text_is(path, "/echo"))
                http_answer_text(x, 401, text_print(http_arena(x), "%.*s %.*s %.*s", TEXT_ARG(http_request(x)->method),
                                                    TEXT_ARG(http_header(x, "X-A")), TEXT_ARG(http_request(x)->body)));
        else if (!text_is(path, "/never"))
                http_answer_text(x, 404, TEXT("no"));
}

static void on_done(void *arg, const FetchAnswer *answer) {
        (void)arg;
        pthread_mutex_lock(&asked.lock);
        asked.end = answer->outcome.end;
        asked.status = answer->status;
        snprintf(asked.why, sizeof asked.why, "%s", answer->outcome.why ? answer->outcome.why : "");
        snprintf(asked.body, sizeof asked.body, "%.*s", TEXT_ARG(text_sub(answer->body, 0, 200)));
        snprintf(asked.etag, sizeof asked.etag, "%.*s", TEXT_ARG(answer->etag));
        asked.done++;
        pthread_cond_signal(&asked.some);
        pthread_mutex_unlock(&asked.lock);
}

static void on_loop(void *arg) {
        (void)arg;
        assert_non_null(fetch_begin(asked.fetcher, loops_at(asked.rig.loops, 0), asked.request, on_done, NULL));
}

static void wait_done(int n) {
        pthread_mutex_lock(&asked.lock);
        while (asked.done < n)
                pthread_cond_wait(&asked.some, &asked.lock);
        pthread_mutex_unlock(&asked.lock);
}

static OutcomeEnd run(const FetchRequest *request, int times) {
        asked.done = 0;
        asked.request = request;
        for (int i = 0; i < times; i++)
                assert_true(loop_call(loops_at(asked.rig.loops, 0), on_loop, NULL));
        wait_done(times);
        return asked.end;
}

static OutcomeEnd fetch(const char *path, FetchRequest request) {
        char url[128];
        snprintf(url, sizeof url, path[0] == '/' ? "http://127.0.0.1:%2$d%1$s" : "%1$s", path, asked.rig.port);
        request.url = text_of(url);
        return run(&request, 1);
}

static int set_up(void **state) {
        (void)state;
        HttpServerConfig config = {.handler = serve, .limits = http_limits()};
        pthread_mutex_init(&asked.lock, NULL);
        pthread_cond_init(&asked.some, NULL);
        rig_start(&asked.rig, 1, &config);
        assert_true(outcome_ok(fetcher_new(&asked.fetcher)));
        rig_go(&asked.rig);
        return 0;
}

static int tear_down(void **state) {
        (void)state;
        rig_join(&asked.rig, 100);
        fetcher_free(asked.fetcher);
        loops_free(asked.rig.loops);
        return 0;
}

typedef struct Address {
        const char *text;
        bool none, loopback, private; /* may be dialled by which rule */
} Address;

static const Address addresses[] = {
        {"8.8.8.8", true, true, true},          {"1.1.1.1", true, true, true},           {"0.0.0.0", false, false, false},
        {"0.1.2.3", false, false, false},       {"10.0.0.1", false, false, true},        {"10.255.255.255", false, false, true},
        {"11.0.0.0", true, true, true},         {"100.63.255.255", true, true, true},    {"100.64.0.1", false, false, false},
        {"100.127.255.255", false, false, false}, {"100.128.0.0", true, true, true},     {"127.0.0.1", false, true, false},
        {"127.255.255.255", false, true, false}, {"169.254.169.254", false, false, false}, {"172.15.255.255", true, true, true},
        {"172.16.0.1", false, false, true},     {"172.31.255.255", false, false, true},  {"172.32.0.0", true, true, true},
        {"192.0.0.8", false, false, false},     {"192.0.2.1", false, false, false},      {"192.88.99.1", false, false, false},
        {"192.168.1.1", false, false, true},    {"192.169.0.0", true, true, true},       {"198.18.0.1", false, false, false},
        {"198.19.255.255", false, false, false}, {"198.51.100.1", false, false, false},  {"203.0.113.1", false, false, false},
        {"224.0.0.1", false, false, false},     {"240.0.0.1", false, false, false},      {"255.255.255.255", false, false, false},
        {"::", false, false, false},            {"::1", false, true, false},             {"::ffff:8.8.8.8", false, false, false},
        {"::ffff:127.0.0.1", false, false, false}, {"::7f00:1", false, false, false},    {"64:ff9b::7f00:1", false, false, false},
        {"64:ff9b:1::1", false, false, false},  {"100::1", false, false, false},         {"2001::1", false, false, false},
        {"2001:1ff:ffff::", false, false, false}, {"2001:200::1", true, true, true},     {"2001:db8::1", false, false, false},
        {"2001:4860:4860::8888", true, true, true}, {"2002:7f00:1::", false, false, false}, {"2606:4700::1111", true, true, true},
        {"3fff::1", false, false, false},       {"3fff:fff::1", false, false, false},    {"5f00::1", false, false, false},
        {"fc00::1", false, false, true},        {"fdff::1", false, false, true},         {"fe80::1", false, false, false},
        {"fec0::1", false, false, false},       {"ff02::1", false, false, false},
};

static bool may(const char *text, unsigned rules) {
        struct sockaddr_in four = {.sin_family = AF_INET};
        struct sockaddr_in6 six = {.sin6_family = AF_INET6};
        if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
                return fetch_may_dial((struct sockaddr *)&four, rules);
        assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
        return fetch_may_dial((struct sockaddr *)&six, rules);
}

static void special_addresses_are_not_dialled(void **state) {
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
                const Address *a = &addresses[i];
                if (may(a->text, FETCH_PUBLIC) != a->none || may(a->text, FETCH_LOOPBACK) != a->loopback || may(a->text, FETCH_PRIVATE) != a->private)
                        fail_msg("%s", a->text);
        }
        struct sockaddr_un un = {.sun_family = AF_UNIX};
        assert_false(fetch_may_dial((struct sockaddr *)&un, FETCH_LOOPBACK | FETCH_PRIVATE));
}

static void loopback_wants_its_rule(void **state) {
        (void)state;
        served = 0;
        assert_int_equal(fetch("/json", (FetchRequest){0}), OUTCOME_REFUSED);
        assert_int_equal(fetch("/json", (FetchRequest){.rules = FETCH_PRIVATE | FETCH_PLAIN}), OUTCOME_REFUSED);
        assert_string_equal(asked.why, "the address may not be dialled");
        char url[64];
        const char *const hosts[] = {"2130706433", "0x7f.1", "localhost", "127.1", "[::ffff:127.0.0.1]"};
        for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
                snprintf(url, sizeof url, "http://%s:%d/json", hosts[i], asked.rig.port);
                assert_int_equal(fetch(url, (FetchRequest){.rules = FETCH_PLAIN}), OUTCOME_REFUSED);
        }
        assert_int_equal(served, 0);
        assert_int_equal(fetch("/json", (FetchRequest){.rules = FETCH_LOOPBACK}), OUTCOME_OK);
        assert_int_equal(asked.status, 200);
        assert_string_equal(asked.body, "{}");
        assert_string_equal(asked.etag, "\"e1\"");
        assert_int_equal(served, 1);
        /* a kept connection is judged again */
        assert_int_equal(fetch("/json", (FetchRequest){.rules = FETCH_PLAIN}), OUTCOME_REFUSED);
        assert_int_equal(served, 1);
}

static void odd_urls_are_refused(void **state) {
        (void)state;
        const char *const bad[] = {"https://u:p@127.0.0.1/", "https://a\\b/", "https://h/a\tb", "https://h/%00/../x", "https://h./", "https://h/a#b",
                                   "https://h:22/", "file:///etc/passwd", "gopher://h/", "ftp://h/", "https:///x", "h", "https://[fe80::1%25eth0]/", "http://example.com/"};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (fetch(bad[i], (FetchRequest){0}) != OUTCOME_REFUSED)
                        fail_msg("%s: %s", bad[i], asked.why);
}

static void hostile_answers_are_refused(void **state) {
        (void)state;
        FetchRequest loopback = {.rules = FETCH_LOOPBACK};
        static const char *const json[] = {"application/json", NULL}, *const text[] = {"text/plain", NULL};
        served = 0;
        assert_int_equal(fetch("/redirect", loopback), OUTCOME_REFUSED);
        assert_int_equal(served, 1);
        assert_int_equal(fetch("/notmodified", loopback), OUTCOME_REFUSED);
        assert_int_equal(fetch("/zip", loopback), OUTCOME_REFUSED);
        assert_int_equal(fetch("/large", loopback), OUTCOME_REFUSED);
        assert_string_equal(asked.why, "the answer is too large");
        assert_int_equal(fetch("/endless", loopback), OUTCOME_REFUSED);
        assert_int_equal(fetch("/json", (FetchRequest){.rules = FETCH_LOOPBACK, .types = text}), OUTCOME_REFUSED);
        assert_int_equal(fetch("/json", (FetchRequest){.rules = FETCH_LOOPBACK, .types = json}), OUTCOME_OK);
        assert_int_equal(fetch("/large", (FetchRequest){.rules = FETCH_LOOPBACK, .max_bytes = 200000}), OUTCOME_OK);
        assert_int_equal(fetch("/never", (FetchRequest){.rules = FETCH_LOOPBACK, .timeout_ms = 100}), OUTCOME_FAULT);
        assert_string_equal(asked.why, "it took too long");
        assert_int_equal(fetch("http://127.0.0.1:1/", loopback), OUTCOME_FAULT);
}

static void requests_carry_what_they_are_given(void **state) {
        (void)state;
        HttpHeader header = {TEXT("X-A"), TEXT("v")}, bad = {TEXT("X-A"), TEXT("v\r\nX-B: c")}, match = {TEXT("If-None-Match"), TEXT("\"e1\"")};
        FetchRequest post = {.method = "POST", .rules = FETCH_LOOPBACK, .headers = &header, .n_headers = 1, .body = TEXT("a=b")};
        assert_int_equal(fetch("/echo", post), OUTCOME_OK);
        assert_int_equal(asked.status, 401);
        assert_string_equal(asked.body, "POST v a=b");
        post.headers = &bad;
        assert_int_equal(fetch("/echo", post), OUTCOME_REFUSED);
        assert_int_equal(fetch("/notmodified", (FetchRequest){.rules = FETCH_LOOPBACK, .headers = &match, .n_headers = 1}), OUTCOME_OK);
        assert_int_equal(asked.status, 304);
}

static void the_same_question_flies_once(void **state) {
        (void)state;
        char url[64];
        snprintf(url, sizeof url, "http://127.0.0.1:%d/slow", asked.rig.port);
        FetchRequest request = {.url = text_of(url), .rules = FETCH_LOOPBACK};
        served = 0;
        assert_int_equal(run(&request, 20), OUTCOME_OK);
        assert_int_equal(served, 1);
        request.method = "POST";
        assert_int_equal(run(&request, 3), OUTCOME_OK);
        assert_int_equal(served, 4);
}

static void cancel_on_loop(void *arg) {
        Fetch *fetch = fetch_begin(asked.fetcher, loops_at(asked.rig.loops, 0), asked.request, on_done, NULL);
        assert_non_null(fetch);
        if (arg)
                fetch_cancel(fetch);
}

static void what_is_cancelled_does_not_call(void **state) {
        (void)state;
        char url[64];
        snprintf(url, sizeof url, "http://127.0.0.1:%d/slow", asked.rig.port);
        FetchRequest request = {.url = text_of(url), .rules = FETCH_LOOPBACK};
        asked.done = 0;
        asked.request = &request;
        loop_call(loops_at(asked.rig.loops, 0), cancel_on_loop, &request);
        loop_call(loops_at(asked.rig.loops, 0), cancel_on_loop, NULL);
        wait_done(1);
        usleep(50000);
        assert_int_equal(asked.done, 1);
        snprintf(url, sizeof url, "http://127.0.0.1:%d/never", asked.rig.port); /* left flying at the end */
        request.url = text_of(url);
        loop_call(loops_at(asked.rig.loops, 0), cancel_on_loop, &request);
        usleep(50000);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(special_addresses_are_not_dialled), cmocka_unit_test(loopback_wants_its_rule),
                cmocka_unit_test(odd_urls_are_refused),              cmocka_unit_test(hostile_answers_are_refused),
                cmocka_unit_test(requests_carry_what_they_are_given), cmocka_unit_test(the_same_question_flies_once),
                cmocka_unit_test(what_is_cancelled_does_not_call),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
