#include "cli/add.h"
#include <stdlib.h>
#include <unistd.h>

#define ZONE_FILE "zone.yaml"

static bool is_dev_zone(Cli *cli) {
        Api *api = api_new(cli);
        ApiAnswer answer = api ? api_call(api, cli->arena, "GET", zone_path(cli, "%s", ""), TEXT_NONE) : (ApiAnswer){0};
        api_free(api);
        return answer.status == 200 && json_bool(answer.json, "dev", false);
}

/* One line of the terminal, or the default. */
static Text ask(Cli *cli, const char *question, const char *otherwise) {
        char line[512];
        fprintf(stderr, "%s [%s] ", question, otherwise);
        if (!fgets(line, sizeof line, stdin))
                return TEXT("n");
        line[strcspn(line, "\r\n")] = 0;
        return text_copy(cli->arena, text_of(line[0] ? line : otherwise));
}

/* `line` below the top-level key `section`, which is made at the end when it is not there. */
static Text with_line(Arena *arena, Text zone, const char *section, Text line) {
        Text mark = text_print(arena, "\n%s:\n", section);
        Text whole = text_print(arena, "\n%.*s", TEXT_ARG(zone));
        for (size_t i = 0; i + mark.len <= whole.len; i++)
                if (text_equal(text_sub(whole, i, i + mark.len), mark)) {
                        size_t at = i + mark.len - 1; /* in `zone`, which lacks the line break put before it */
                        return text_print(arena, "%.*s%.*s\n%.*s", TEXT_ARG(text_sub(zone, 0, at)), TEXT_ARG(line), TEXT_ARG(text_sub(zone, at, zone.len)));
                }
        return text_print(arena, "%.*s\n%s:\n%.*s\n", TEXT_ARG(zone), section, TEXT_ARG(line));
}

static bool file_write(const char *path, Text text) {
        FILE *file = fopen(path, "we");
        if (!file)
                return false;
        bool good = fwrite(text.at, 1, text.len, file) == text.len;
        return fclose(file) == 0 && good;
}

static bool apply(Cli *cli) {
        Cli once = *cli;
        char *file[] = {ZONE_FILE};
        once.args = file;
        once.n_args = 1;
        return command_apply(&once) == EXIT_DONE;
}

bool add_application(Cli *cli, const char *slug) {
        const char *why;
        Arena *arena = cli->arena;
        if (!isatty(STDIN_FILENO) || access(ZONE_FILE, W_OK) || !is_dev_zone(cli))
                return false;
        Text before = file_text(arena, ZONE_FILE, &why);
        Text url = ask(cli, text_print(arena, "\"%s\" is not registered yet. Its URL, as clients use it?", slug).at, "http://localhost:8001/mcp");
        Text yes = ask(cli, text_print(arena, "Add %.*s as \"%s\"?", TEXT_ARG(url), slug).at, "Y/n");
        if (why || yes.at[0] == 'n' || yes.at[0] == 'N' || text_find(url, '"') < url.len)
                return false;
        Text zone = with_line(arena, before, "applications", text_print(arena, "  %s: { run: {} }", slug));
        zone = with_line(arena, zone, "resources", text_print(arena, "  %s: { identifier: \"%.*s\", owner: %s, algorithm: ES256, scopes: { run: [read] }, cutoff: feed }", slug,
                                                              TEXT_ARG(url), slug));
        if (!file_write(ZONE_FILE, zone))
                return false;
        if (apply(cli))
                return true;
        if (!file_write(ZONE_FILE, before)) /* what could not be applied is not left behind */
                complain(0, "%s could not be put back", ZONE_FILE);
        return false;
}
