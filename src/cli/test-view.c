#include "cli/cli.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static size_t columns_of(const char *line) {
        size_t n = 0;
        for (; *line && *line != '\n'; line++)
                n += ((unsigned char)*line & 0xc0) != 0x80;
        return n;
}

/* The line that an event makes, without colors. */
static char *line_of(Arena *arena, const char *event) {
        const Cli cli = {.arena = arena};
        Json *json;
        char *line = NULL;
        size_t size;
        FILE *to = open_memstream(&line, &size);
        assert_true(outcome_ok(json_read_object(arena, text_of(event), &json)));
        view_event(&cli, json, to);
        fclose(to);
        return line;
}

#define ID "d_01m86xcer5ymbjr5zy166wvw1j"
#define REFUSED(chain, policy)                                                                                         \
        "{\"id\":\"" ID "\",\"outcome\":\"refused\",\"error\":\"access_denied\",\"user\":\"sara\",\"chain\":[" chain "],"      \
        "\"resource\":\"snowflake\",\"policies\":[{\"for\":\"subject\",\"id\":\"" policy "\",\"file\":\"lanes.cedar\",\"line\":12,\"effect\":\"forbid\"}]}"

static void a_short_refusal_says_everything(void **state) {
        (void)state;
        Arena *arena = arena_new(1 << 20);
        char *line = line_of(arena, REFUSED("\"cowork\",\"health\"", "no-health"));
        assert_string_equal(line, "sara ▸ cowork ▸ health ✗ snowflake   refused no-health (lanes.cedar:12)   carnet why d_6wvw1j\n");
        free(line);
        arena_free(arena);
}

static void a_long_one_keeps_the_policys_name_and_a_hundred_columns(void **state) {
        (void)state;
        Arena *arena = arena_new(1 << 20);
        char *line = line_of(arena, REFUSED("\"cowork\",\"churn\",\"customer-health\",\"product-analytics\"", "snowflake-never-to-customer-health"));
        assert_true(columns_of(line) <= 100);
        assert_non_null(strstr(line, "snowflake-never-to-customer-health"));
        assert_non_null(strstr(line, "product-analytics ✗ snowflake"));
        free(line);
        arena_free(arena);
}

static void names_without_end_are_cut(void **state) {
        (void)state;
        Arena *arena = arena_new(1 << 20);
        char name[300];
        memset(name, 'x', sizeof name - 1);
        name[sizeof name - 1] = 0;
        Text event = text_print(arena, "{\"id\":\"" ID "\",\"outcome\":\"allowed\",\"user\":\"%s\",\"chain\":[\"%s\",\"%s\"],\"resource\":\"%s\",\"scopes\":[\"%s\"],\"credential\":\"zone-jwt\"}",
                                name, name, name, name, name);
        char *line = line_of(arena, event.at);
        assert_true(columns_of(line) <= 100);
        assert_non_null(strstr(line, "d_6wvw1j"));
        free(line);
        arena_free(arena);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_short_refusal_says_everything),
                cmocka_unit_test(a_long_one_keeps_the_policys_name_and_a_hundred_columns),
                cmocka_unit_test(names_without_end_are_cut),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
