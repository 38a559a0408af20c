/* view.c - how events look to people: one line a hop, at most 100 columns, color only on a terminal. */
#include "cli/cli.h"
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define COLUMNS 100
#define GAP 3
#define FILE_BYTES ((size_t)4 << 20)

const char *paint(const Cli *cli, const char *color) { return cli->color ? color : ""; }

Text short_id(Arena *arena, Text id) {
        if (id.len < 9)
                return id;
        return text_print(arena, "%c_%.*s", id.at[0], 6, id.at + id.len - 6);
}

Text view_time(Arena *arena, int64_t unix_seconds) {
        char line[32];
        time_t at = (time_t)unix_seconds;
        struct tm tm;
        localtime_r(&at, &tm);
        strftime(line, sizeof line, "%H:%M:%S", &tm);
        return text_copy(arena, text_of(line));
}

Text file_text(Arena *arena, const char *path, const char **why) {
        FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
        *why = file ? NULL : strerror(errno);
        if (!file)
                return TEXT_NONE;
        Buf buf = buf_new(arena, 8192);
        char chunk[8192];
        for (size_t n; buf.len < FILE_BYTES && (n = fread(chunk, 1, sizeof chunk, file)) > 0;)
                buf_put(&buf, chunk, n);
        if (ferror(file))
                *why = strerror(errno);
        if (file != stdin)
                fclose(file);
        return buf_done(&buf);
}

/* Columns of UTF-8 text: every code point of ours is one column wide. */
static size_t width(Text t) {
        size_t n = 0;
        for (size_t i = 0; i < t.len; i++)
                n += ((unsigned char)t.at[i] & 0xc0) != 0x80;
        return n;
}

/* At most 100, less where COLUMNS says so. */
static size_t columns(void) {
        const char *set = getenv("COLUMNS");
        int64_t n;
        return set && outcome_ok(text_int(text_of(set), &n)) && n >= 60 && n < COLUMNS ? (size_t)n : COLUMNS;
}

static Text fit(Arena *arena, Text t, size_t columns) {
        if (width(t) <= columns)
                return t;
        size_t bytes = 0, n = 0;
        while (bytes < t.len && n + 1 < columns) {
                bytes++;
                while (bytes < t.len && ((unsigned char)t.at[bytes] & 0xc0) == 0x80)
                        bytes++;
                n++;
        }
        return text_print(arena, "%.*s…", (int)bytes, t.at);
}

/* A client that registered itself has an id for machines; its end tells it from the next one. */
static Text link_text(Arena *arena, Text slug) {
        if (!text_starts(slug, TEXT("dcr_")) || slug.len < 12)
                return slug;
        return text_print(arena, "dcr_…%.*s", 4, slug.at + slug.len - 4);
}

/* shorter 1: the first and the last application stand for the whole chain; 2: the last alone */
static Text chain_text(Arena *arena, const Json *event, bool refused, size_t shorter) {
        Texts chain = json_texts(arena, event, "chain");
        Text user = json_text(event, "user"), resource = json_text(event, "resource"), caller = json_text(event, "application");
        Buf buf = buf_new(arena, 128);
        if (!chain.n && caller.len)
                chain = (Texts){&caller, 1};
        buf_text(&buf, user);
        for (size_t i = 0; i < chain.n; i++) {
                size_t kept = shorter == 1 ? 1 : 0;
                bool hidden = shorter && chain.n > 2 && i >= kept && i + 1 < chain.n;
                if (hidden && i > kept)
                        continue;
                buf_str(&buf, buf.len ? " ▸ " : "");
                buf_text(&buf, hidden ? TEXT("…") : link_text(arena, chain.at[i]));
        }
        if (resource.len)
                buf_print(&buf, " %s %.*s", refused ? "✗" : "✓", TEXT_ARG(resource));
        return buf_done(&buf);
}

/* The policy that a refusal is explained by: the first forbid or error. */
static const Json *refusing_policy(const Json *event) {
        const Json *list = json_object_get(event, "policies");
        for (size_t i = 0; i < json_array_size(list); i++) {
                Text effect = json_text(json_array_get(list, i), "effect");
                if (text_is(effect, "forbid") || text_is(effect, "error"))
                        return json_array_get(list, i);
        }
        return NULL;
}

/* detail 2: "refused ID (file:line)"; 1: "refused ID"; 0: "ID" alone, since the ✗ says it */
static Text refused_text(Arena *arena, const Json *event, int detail) {
        const Json *policy = refusing_policy(event);
        Text id = policy ? json_text(policy, "id") : json_text(event, "error");
        int64_t line = 0;
        if (policy && detail == 2 && json_int(policy, "line", &line))
                return text_print(arena, "refused %.*s (%.*s:%lld)", TEXT_ARG(id), TEXT_ARG(json_text(policy, "file")), (long long)line);
        return text_print(arena, "%s%.*s", detail ? "refused " : "", TEXT_ARG(id));
}

static Text allowed_text(Arena *arena, const Json *event) {
        Text scopes = texts_join(arena, json_texts(arena, event, "scopes"), " "), credential = json_text(event, "credential");
        Text kind = json_text(event, "kind");
        if (credential.len)
                return text_print(arena, "%.*s %.*s", TEXT_ARG(credential), TEXT_ARG(scopes));
        return text_print(arena, "%.*s %.*s", TEXT_ARG(kind), TEXT_ARG(scopes));
}

static void put_calls(const Cli *cli, const Json *event, FILE *to) {
        const Json *calls = json_object_get(event, "calls");
        for (size_t i = 0; i < json_array_size(calls); i++) {
                const Json *call = json_array_get(calls, i);
                int64_t ms = 0;
                json_int(call, "ms", &ms);
                Texts credentials = json_texts(cli->arena, call, "credentials");
                bool good = text_is(json_text(call, "outcome"), "ok");
                Text line = text_print(cli->arena, "  %s tool %.*s of %.*s   %.*s in %lld ms, under %.*s, with %zu credential%s", good ? "✓" : "✗",
                                       TEXT_ARG(json_text(call, "tool")), TEXT_ARG(json_text(event, "application")), TEXT_ARG(json_text(call, "outcome")),
                                       (long long)ms, TEXT_ARG(short_id(cli->arena, json_text(call, "jti"))), credentials.n, credentials.n == 1 ? "" : "s");
                fprintf(to, "%s%.*s%s\n", paint(cli, good ? "\033[2m" : "\033[31m"), TEXT_ARG(fit(cli->arena, line, columns())), paint(cli, "\033[0m"));
        }
}

void view_event(const Cli *cli, const Json *event, FILE *to) {
        Arena *arena = cli->arena;
        if (cli->json) {
                fprintf(to, "%.*s\n", TEXT_ARG(json_print(arena, event, JSON_COMPACT)));
                return;
        }
        if (json_has(event, "calls")) {
                put_calls(cli, event, to);
                return;
        }
        bool refused = text_is(json_text(event, "outcome"), "refused");
        Text why = refused ? text_print(arena, "carnet why %.*s", TEXT_ARG(short_id(arena, json_text(event, "id")))) : short_id(arena, json_text(event, "id"));
        size_t left = columns() - width(why) - 2 * GAP;
        Text chain = TEXT_NONE, what = TEXT_NONE;
        /* What matters most stays whole longest: the policy's name, then who, then where it is written. */
        static const struct { size_t shorter; int detail; } ways[] = {{0, 2}, {0, 1}, {1, 2}, {1, 1}, {1, 0}, {2, 1}, {2, 0}};
        for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
                chain = chain_text(arena, event, refused, ways[way].shorter);
                what = refused ? refused_text(arena, event, ways[way].detail) : allowed_text(arena, event);
                if (width(chain) + width(what) <= left)
                        break;
        }
        chain = fit(arena, chain, left > 30 ? left - 20 : left);
        what = fit(arena, what, left - width(chain));
        fprintf(to, "%s%.*s%s   %.*s   %s%.*s%s\n", paint(cli, refused ? "\033[31m" : "\033[32m"), TEXT_ARG(chain), paint(cli, "\033[0m"), TEXT_ARG(what),
                paint(cli, "\033[2m"), TEXT_ARG(why), paint(cli, "\033[0m"));
}

/* --- why ---------------------------------------------------------------------------------------------------------- */

static void put_fact(const Cli *cli, FILE *to, const char *name, Text value) {
        if (value.len)
                fprintf(to, "  %s%-14s%s %.*s\n", paint(cli, "\033[2m"), name, paint(cli, "\033[0m"), TEXT_ARG(value));
}

static void put_policies(const Cli *cli, const Json *event, FILE *to) {
        const Json *list = json_object_get(event, "policies");
        for (size_t i = 0; i < json_array_size(list); i++) {
                const Json *p = json_array_get(list, i);
                int64_t line = 0;
                json_int(p, "line", &line);
                Text text = text_print(cli->arena, "%.*s for the %.*s: %.*s (%.*s:%lld)", TEXT_ARG(json_text(p, "effect")), TEXT_ARG(json_text(p, "for")),
                                       TEXT_ARG(json_text(p, "id")), TEXT_ARG(json_text(p, "file")), (long long)line);
                put_fact(cli, to, i ? "" : "policies", text);
        }
}

void view_why(const Cli *cli, const Json *event, FILE *to) {
        Arena *arena = cli->arena;
        bool refused = text_is(json_text(event, "outcome"), "refused");
        int64_t at = 0, ends = 0;
        json_int(event, "at", &at);
        fprintf(to, "%s%.*s%s\n\n", paint(cli, refused ? "\033[31m" : "\033[32m"), TEXT_ARG(chain_text(arena, event, refused, 0)), paint(cli, "\033[0m"));
        put_fact(cli, to, "outcome", text_print(arena, "%.*s%s%.*s", TEXT_ARG(json_text(event, "outcome")), refused ? ", " : "", TEXT_ARG(json_text(event, "error"))));
        put_fact(cli, to, "why", json_text(event, "why"));
        const Json *calls = json_object_get(event, "calls");
        for (size_t i = 0; i < json_array_size(calls); i++) {
                const Json *call = json_array_get(calls, i);
                put_fact(cli, to, i ? "" : "calls", text_print(arena, "%.*s: %.*s, under %.*s", TEXT_ARG(json_text(call, "tool")), TEXT_ARG(json_text(call, "outcome")),
                                                               TEXT_ARG(json_text(call, "jti"))));
        }
        put_policies(cli, event, to);
        put_fact(cli, to, "asked", text_print(arena, "%.*s by %.*s", TEXT_ARG(json_text(event, "kind")), TEXT_ARG(json_text(event, "client_id"))));
        put_fact(cli, to, "action", json_text(event, "action"));
        put_fact(cli, to, "scopes", texts_join(arena, json_texts(arena, event, "scopes"), " "));
        put_fact(cli, to, "classes", texts_join(arena, json_texts(arena, event, "classes"), " "));
        put_fact(cli, to, "stopped at", json_text(event, "step"));
        put_fact(cli, to, "credential", json_text(event, "credential"));
        put_fact(cli, to, "cut-off", json_text(event, "cutoff"));
        if (json_int(event, "expires_at", &ends))
                put_fact(cli, to, "expires", view_time(arena, ends));
        put_fact(cli, to, "session", json_text(event, "session"));
        put_fact(cli, to, "authorization", json_text(event, "authorization"));
        put_fact(cli, to, "hop", json_text(event, "hop"));
        put_fact(cli, to, "trace", json_text(event, "trace"));
        put_fact(cli, to, "decision", json_text(event, "id"));
        if (at)
                put_fact(cli, to, "at", view_time(arena, at / 1000));
}
