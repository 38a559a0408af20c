/* Logs and metrics. */
#include "runtime/log.h"
#include "runtime/metrics.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

static char lines[1 << 16];

static const char *drain(int fd) {
        ssize_t n = read(fd, lines, sizeof lines - 1);
        lines[n > 0 ? n : 0] = 0;
        return lines;
}

static void lines_cannot_be_forged(void **state) {
        (void)state;
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        Log *log = log_new(fds[1], LOG_INFO, false);
        log_say(log, LOG_INFO, "sign-in", LOG_TEXT("who", TEXT("a\"b\nlevel=error x")), LOG_INT("n", -5), LOG_STR("plain", "ok"), LOG_TEXT("none", TEXT_NONE));
        const char *line = drain(fds[0]);
        assert_non_null(strstr(line, " level=info event=\"sign-in\" who=\"a\\\"b\\x0alevel=error x\" n=-5 plain=ok none=\"\"\n"));
        assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
        log_say(log, LOG_DEBUG, "not this");
        log_say(log, LOG_WARN, "bare");
        assert_null(strstr(drain(fds[0]), "not this"));
        log_free(log);
        log = log_new(fds[1], LOG_INFO, true);
        log_say(log, LOG_ERROR, "e", LOG_TEXT("t", TEXT("a\nb")), LOG_INT("i", 7));
        assert_non_null(strstr(drain(fds[0]), "\"level\":\"error\",\"event\":\"e\",\"t\":\"a\\u000ab\",\"i\":7}\n"));
        log_free(log);
        log_say(NULL, LOG_ERROR, "silence");
        close(fds[0]), close(fds[1]);
}

static void a_storm_is_summed(void **state) {
        (void)state;
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        Log *log = log_new(fds[1], LOG_INFO, false);
        for (int i = 0; i < 1000; i++)
                log_say(log, LOG_WARN, "refused", LOG_INT("i", i));
        log_say(log, LOG_WARN, "other");
        usleep(250000);
        log_say(log, LOG_WARN, "refused");
        size_t n = 0;
        for (const char *p = drain(fds[0]); (p = strchr(p, '\n')); p++)
                n++;
        assert_in_range(n, 52, 56);
        assert_non_null(strstr(lines, "event=\"other\""));
        assert_non_null(strstr(lines, "left_out=9"));
        log_free(log);
        close(fds[0]), close(fds[1]);
}

static const char *const kinds[] = {"a", "b", NULL};
static const MetricRow rows[] = {{"t_total", "Things", METRIC_COUNTER, "kind", kinds},
                                 {"t_now", "Now", METRIC_GAUGE, NULL, NULL},
                                 {"t_seconds", "Time", METRIC_SECONDS, "kind", kinds}};

static void metrics_add_up(void **state) {
        (void)state;
        Arena *arena = arena_new(1 << 16);
        Metrics *m = metrics_new(rows, ARRAY_LEN(rows), 2);
        metrics_add(m, 0, 0, 1, 2);
        metrics_add(m, 1, 0, 1, 3);
        metrics_add(m, 1, 0, 2, 3); /* no such value, lane, row: nothing */
        metrics_add(m, 2, 0, 0, 3);
        metrics_add(m, 0, 3, 0, 3);
        metrics_set(m, 0, 1, 0, 4);
        metrics_set(m, 1, 1, 0, 5);
        metrics_observe(m, 0, 2, 0, 40);
        metrics_observe(m, 1, 2, 0, 20000000);
        Buf buf = buf_new(arena, 256);
        metrics_print(m, &buf);
        const char *text = buf_done(&buf).at;
        assert_non_null(strstr(text, "# TYPE t_total counter\nt_total{kind=\"a\"} 0\nt_total{kind=\"b\"} 5\n"));
        assert_non_null(strstr(text, "t_now 9\n"));
        assert_non_null(strstr(text, "t_seconds_bucket{kind=\"a\",le=\"5e-05\"} 1\n"));
        assert_non_null(strstr(text, "t_seconds_bucket{kind=\"a\",le=\"+Inf\"} 2\nt_seconds_sum{kind=\"a\"} 20.000040\nt_seconds_count{kind=\"a\"} 2\n"));
        metrics_add(NULL, 0, 0, 0, 1);
        metrics_free(m);
        arena_free(arena);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lines_cannot_be_forged),
                cmocka_unit_test(a_storm_is_summed),
                cmocka_unit_test(metrics_add_up),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
