#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/buf.h"
#include "base/yaml.h"

static const YamlNode *read_ok(Arena *arena, Text source) {
        const YamlNode *root = NULL;
        YamlProblem problem;
        Outcome end = yaml_read(arena, source, &root, &problem);
        if (!outcome_ok(end))
                fail_msg("%.*s at %u", TEXT_ARG(problem.what), problem.line);
        return root;
}

static void refused(Text source, unsigned line, const char *what) {
        Arena *arena = arena_new((size_t)64 << 20);
        const YamlNode *root = NULL;
        YamlProblem problem;
        assert_true(outcome_refused(yaml_read(arena, source, &root, &problem)));
        assert_null(root);
        if (!problem.what.at || !strstr(problem.what.at, what))
                fail_msg("expected \"%s\", got \"%.*s\"", what, TEXT_ARG(problem.what));
        assert_int_equal(problem.line, line);
        arena_free(arena);
}

static void test_tree(void **state) {
        (void)state;
        Arena *arena = arena_new(1 << 20);
        const YamlNode *root = read_ok(arena, TEXT("# comment\nzone: dev\nno: no\nlist: [a, 'b', \"c\"]\nempty:\nquoted: \"\"\nmap:\n  deep: { x: 1 }\n"));
        assert_int_equal(root->kind, YAML_MAP);
        assert_int_equal(root->n, 6);
        assert_true(text_is(yaml_at(root, "zone")->text, "dev"));
        assert_int_equal(yaml_at(root, "zone")->line, 2);
        assert_int_equal(yaml_at(root, "zone")->column, 7);
        assert_true(text_is(yaml_at(root, "no")->text, "no")); /* a word stays a word */
        assert_int_equal(yaml_at(root, "list")->n, 3);
        assert_true(yaml_null(yaml_at(root, "empty")));
        assert_false(yaml_null(yaml_at(root, "quoted")));
        assert_int_equal(yaml_at(yaml_at(yaml_at(root, "map"), "deep"), "x")->line, 8);
        assert_null(yaml_at(root, "absent"));
        arena_free(arena);
}

static void test_refused(void **state) {
        (void)state;
        refused(TEXT("a: &x 1\nb: *x\n"), 1, "anchors are not allowed");
        refused(TEXT("a: 1\nb: *x\n"), 2, "aliases are not allowed");
        refused(TEXT("a: !!str 1\n"), 1, "tags are not allowed");
        refused(TEXT("a: !<x> 1\n"), 1, "tags are not allowed");
        refused(TEXT("a: 1\nb: 2\na: 3\n"), 3, "duplicate key (also on line 1)");
        refused(TEXT("\"a\": 1\na: 3\n"), 2, "duplicate key");
        refused(TEXT("<<: {a: 1}\n"), 1, "merge keys are not allowed");
        refused(TEXT("? [a]\n: 1\n"), 1, "a key must be a word");
        refused(TEXT("a: 1\n---\nb: 2\n"), 2, "several documents");
        refused(TEXT(""), 1, "the document is empty");
        refused(TEXT("a: [1\n"), 2, "not YAML");
        refused(TEXT("a:\n\tb: 1\n"), 2, "not YAML");
        refused((Text){"a: \0", 4}, 1, "NUL");
        refused(TEXT("a: \xff\n"), 1, "UTF-8");
        refused(TEXT("a: \"\\0\"\n"), 1, "NUL");
}

static void test_bounds(void **state) {
        (void)state;
        Arena *arena = arena_new((size_t)16 << 20);
        Buf deep = buf_new(arena, 64), wide = buf_new(arena, 1 << 17), large = buf_new(arena, YAML_BYTES + 16), bomb = buf_new(arena, 1024);
        for (int i = 0; i < YAML_DEPTH + 1; i++)
                buf_char(&deep, '[');
        refused(buf_done(&deep), 1, "nested too deep");
        buf_char(&wide, '[');
        for (int i = 0; i < YAML_CHILDREN + 1; i++)
                buf_str(&wide, "a,");
        buf_char(&wide, ']');
        refused(buf_done(&wide), 1, "too many entries");
        while (large.len <= YAML_BYTES)
                buf_str(&large, "# long\n");
        refused(buf_done(&large), 1, "too large");
        buf_str(&bomb, "a: &a [x,x,x,x,x,x,x,x,x]\n"); /* a billion laughs begins with one anchor */
        for (char c = 'b'; c < 'i'; c++)
                buf_print(&bomb, "%c: &%c [*%c,*%c,*%c,*%c]\n", c, c, c - 1, c - 1, c - 1, c - 1);
        refused(buf_done(&bomb), 1, "anchors are not allowed");
        arena_free(arena);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_tree), cmocka_unit_test(test_refused), cmocka_unit_test(test_bounds)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
