/* Loops, notes between them, workers. */
#include "runtime/test-rig.h"
#include "runtime/workers.h"
#include <stdatomic.h>

static atomic_int count;

static void bump(void *arg) {
        (void)arg;
        count++;
}

static void stop_all(void *arg) { loops_stop(arg, 1000); }

static void calls_cross_threads(void **state) {
        (void)state;
        Loops *loops;
        pthread_t thread;
        Rig rig = {0};
        count = 0;
        assert_true(outcome_ok(loops_new(2, &loops)));
        rig.loops = loops;
        for (int i = 0; i < LOOP_CALLS; i++)
                assert_true(loop_call(loops_at(loops, 1), bump, NULL));
        assert_false(loop_call(loops_at(loops, 1), bump, NULL)); /* bounded */
        LoopNote note = {.fn = bump};
        loop_post(loops_at(loops, 1), &note); /* has its own memory */
        pthread_create(&thread, NULL, rig_main, &rig);
        for (int i = 0; i < 500 && count < LOOP_CALLS + 1; i++)
                usleep(2000);
        assert_int_equal(count, LOOP_CALLS + 1);
        loops_stop(loops, 100);
        pthread_join(thread, NULL);
        assert_false(loop_call(loops_at(loops, 1), bump, NULL)); /* ended */
        loops_free(loops);
}

static void timers_fire_and_can_be_cancelled(void **state) {
        (void)state;
        Loops *loops;
        count = 0;
        assert_true(outcome_ok(loops_new(1, &loops)));
        Loop *loop = loops_at(loops, 0);
        loop_after(loop, 5, bump, NULL);
        LoopTimer *never = loop_after(loop, 10, bump, NULL);
        loop_timer_cancel(never);
        loop_every(loop, 10, bump, NULL);
        loop_after(loop, 55, stop_all, loops);
        assert_true(outcome_ok(loops_run(loops)));
        assert_in_range(count, 3, 7);
        loops_free(loops);
}

static void a_held_loop_waits_until_its_deadline(void **state) {
        (void)state;
        Loops *loops;
        assert_true(outcome_ok(loops_new(1, &loops)));
        Loop *loop = loops_at(loops, 0);
        int64_t begun = loop_now_ms(loop);
        count = 0;
        assert_true(outcome_ok(loop_on_end(loop, bump, NULL)));
        loop_hold(loop);
        loops_stop(loops, 100);
        assert_true(outcome_ok(loops_run(loops)));
        assert_true(loop_now_ms(loop) - begun >= 100);
        assert_int_equal(count, 1);
        loop_release(loop);
        loops_free(loops);
}

static atomic_int running, most;

static void slow(void *arg) {
        (void)arg;
        int now = ++running;
        if (now > most)
                most = now;
        usleep(20000);
        running--;
}

static void work_is_bounded_and_comes_home(void **state) {
        (void)state;
        Workers *workers;
        Rig rig = {0};
        pthread_t thread;
        count = running = most = 0;
        assert_true(outcome_ok(loops_new(2, &rig.loops)));
        assert_true(outcome_ok(workers_new(2, 5, &workers)));
        for (int i = 0; i < 5; i++)
                assert_true(work_begin(workers, loops_at(rig.loops, (unsigned)i % 2), slow, bump, NULL));
        assert_false(work_begin(workers, loops_at(rig.loops, 0), slow, bump, NULL));
        pthread_create(&thread, NULL, rig_main, &rig);
        for (int i = 0; i < 500 && count < 5; i++)
                usleep(2000);
        assert_int_equal(count, 5);
        assert_true(most <= 2);
        assert_true(work_begin(workers, loops_at(rig.loops, 0), slow, bump, NULL));
        for (int i = 0; i < 500 && count < 6; i++)
                usleep(2000);
        loops_stop(rig.loops, 100);
        pthread_join(thread, NULL);
        workers_free(workers);
        loops_free(rig.loops);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(calls_cross_threads),
                cmocka_unit_test(timers_fire_and_can_be_cancelled),
                cmocka_unit_test(a_held_loop_waits_until_its_deadline),
                cmocka_unit_test(work_is_bounded_and_comes_home),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
