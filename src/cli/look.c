/* look.c - status, why, tail, session, cut, verify, token: reading what the zone remembers, and ending what should end. */
#include "cli/cli.h"
#include "crypto/jwt.h"
#include "store/ledger.h"
#include <unistd.h>

int command_status(Cli *cli) {
        Json *zone;
        int status = api_once(cli, "GET", zone_path(cli, "%s", ""), TEXT_NONE, &zone);
        if (status != EXIT_DONE)
                return status;
        if (cli->json) {
                printf("%.*s\n", TEXT_ARG(json_print(cli->arena, zone, JSON_COMPACT)));
                return EXIT_DONE;
        }
        const char *name;
        json_t *value;
        json_object_foreach(zone, name, value) {
                if (json_is_string(value))
                        printf("%-16s %s\n", name, json_string_value(value));
                else if (json_is_integer(value))
                        printf("%-16s %lld\n", name, (long long)json_integer_value(value));
        }
        return EXIT_DONE;
}

/* --- tail --------------------------------------------------------------------------------------------------------- */

static bool tail_one(void *arg, Text data) {
        Cli *cli = arg;
        Cli once = *cli;
        Json *event;
        once.arena = arena_new(1 << 20); /* a follower runs for days */
        if (once.arena && outcome_ok(json_read_object(once.arena, data, &event)) && json_has(event, "id"))
                view_event(&once, event, stdout);
        arena_free(once.arena);
        fflush(stdout);
        return true;
}

static int tail_follow(Cli *cli, int64_t after) {
        for (int tries = 0; tries < 600; tries++) {
                Api *api = api_new(cli);
                Arena *arena = arena_new((size_t)8 << 20);
                if (!api || !arena)
                        return complain(EXIT_REFUSED, "out of memory");
                Text path = cli->session ? zone_path(cli, "/events?follow=1&after=%lld&session=%s", (long long)after, cli->session)
                                         : zone_path(cli, "/events?follow=1&after=%lld", (long long)after);
                long status = api_follow(api, arena, path, tail_one, cli);
                api_free(api);
                arena_free(arena);
                if (status >= 400)
                        return complain(EXIT_REFUSED, "the zone refused to be followed (%ld)", status);
                sleep(1); /* restarted: go on */
        }
        return EXIT_UNREACHED;
}

/* The last page: asked from behind, because events are in commit order. */
static int events_page(Cli *cli, int64_t after, int64_t limit, Json **items) {
        Json *page;
        Text path = cli->session ? zone_path(cli, "/events?after=%lld&limit=%lld&session=%s", (long long)after, (long long)limit, cli->session)
                                 : zone_path(cli, "/events?after=%lld&limit=%lld", (long long)after, (long long)limit);
        int status = api_once(cli, "GET", path, TEXT_NONE, &page);
        if (status == EXIT_DONE)
                *items = json_object_get(page, "items");
        return status;
}

static int64_t newest_seq(Cli *cli) {
        Json *zone;
        int64_t newest = 0;
        if (api_once(cli, "GET", zone_path(cli, "%s", ""), TEXT_NONE, &zone) != EXIT_DONE)
                return -1;
        json_int(zone, "newest_event", &newest);
        return newest;
}

int command_tail(Cli *cli) {
        int64_t newest = newest_seq(cli), after = cli->session ? 0 : newest - cli->lines;
        if (newest < 0)
                return EXIT_UNREACHED;
        if (after < 0)
                after = 0;
        for (;;) {
                Json *items = NULL;
                int64_t before = after;
                int status = events_page(cli, after, 100, &items);
                if (status != EXIT_DONE)
                        return status;
                for (size_t i = 0; i < json_array_size(items); i++) {
                        const Json *event = json_array_get(items, i);
                        json_int(event, "seq", &after);
                        view_event(cli, event, stdout);
                }
                if (after == before || json_array_size(items) < 100)
                        break;
        }
        return cli->follow ? tail_follow(cli, after) : EXIT_DONE;
}

/* --- why ---------------------------------------------------------------------------------------------------------- */

/* "d_7f3k2p" names the newest decision that ends so. */
static int why_short(Cli *cli, Text id, Json **found) {
        int64_t newest = newest_seq(cli);
        if (newest < 0)
                return EXIT_UNREACHED;
        Text end = text_sub(id, 2, id.len);
        for (int64_t after = newest > 2000 ? newest - 2000 : 0;;) {
                Json *items = NULL;
                int64_t before = after;
                int status = events_page(cli, after, 100, &items);
                if (status != EXIT_DONE)
                        return status;
                for (size_t i = 0; i < json_array_size(items); i++) {
                        Json *event = json_array_get(items, i);
                        json_int(event, "seq", &after);
                        if (text_ends(json_text(event, "id"), end))
                                *found = event;
                }
                if (after == before)
                        break;
        }
        if (*found)
                return EXIT_DONE;
        return complain(EXIT_REFUSED, "no decision of the last 2000 ends with %.*s; give its whole id", TEXT_ARG(end));
}

int command_why(Cli *cli) {
        Json *event = NULL;
        if (cli->n_args != 1)
                return usage(cli, "name one decision");
        Text id = text_of(cli->args[0]);
        int status;
        if (id.len < 28 && id.len > 3 && id.at[1] == '_')
                status = why_short(cli, id, &event);
        else {
                status = api_once(cli, "GET", zone_path(cli, "/decisions/%s", cli->args[0]), TEXT_NONE, &event);
                if (status == EXIT_DONE && json_is_object(json_object_get(event, "event")))
                        event = json_object_get(event, "event");
        }
        if (status != EXIT_DONE)
                return status;
        if (cli->json)
                printf("%.*s\n", TEXT_ARG(json_print(cli->arena, event, JSON_COMPACT)));
        else
                view_why(cli, event, stdout);
        return EXIT_DONE;
}

/* --- sessions ------------------------------------------------------------------------------------------------------ */

static void put_session(Cli *cli, const Json *s) {
        int64_t opened = 0, ends = 0;
        json_int(s, "opened", &opened);
        json_int(s, "ends", &ends);
        printf("%.*s  %-10.*s %-20.*s opened %.*s  ends %.*s  %s%.*s%s\n", TEXT_ARG(json_text(s, "id")), TEXT_ARG(json_text(s, "user_id")),
               TEXT_ARG(json_text(s, "application_id")), TEXT_ARG(view_time(cli->arena, opened)), TEXT_ARG(view_time(cli->arena, ends)),
               paint(cli, "\033[2m"), TEXT_ARG(json_text(s, "status")), paint(cli, "\033[0m"));
}

static int session_ls(Cli *cli) {
        Json *page;
        int status = api_once(cli, "GET", cli->user ? zone_path(cli, "/sessions?user=%s", cli->user) : zone_path(cli, "/sessions"), TEXT_NONE, &page);
        if (status != EXIT_DONE)
                return status;
        const Json *items = json_object_get(page, "items");
        if (cli->json)
                printf("%.*s\n", TEXT_ARG(json_print(cli->arena, items, JSON_COMPACT)));
        else if (!json_array_size(items))
                puts("no open sessions");
        for (size_t i = 0; !cli->json && i < json_array_size(items); i++)
                put_session(cli, json_array_get(items, i));
        return EXIT_DONE;
}

int command_session(Cli *cli) {
        Json *answer = NULL;
        int status;
        if (cli->n_args == 0 || (cli->n_args == 1 && strcmp(cli->args[0], "ls") == 0))
                return session_ls(cli);
        if (cli->n_args != 2)
                return usage(cli, "name a session");
        if (strcmp(cli->args[0], "show") == 0) {
                status = api_once(cli, "GET", zone_path(cli, "/sessions/%s", cli->args[1]), TEXT_NONE, &answer);
                if (status == EXIT_DONE)
                        printf("%.*s\n", TEXT_ARG(json_print(cli->arena, answer, JSON_INDENT(2))));
                return status;
        }
        if (strcmp(cli->args[0], "close") != 0)
                return usage(cli, "a session can be shown or closed");
        status = api_once(cli, "PATCH", zone_path(cli, "/sessions/%s", cli->args[1]), TEXT("{\"status\":\"revoked\"}"), &answer);
        if (status == EXIT_DONE && !cli->quiet)
                printf("closed %s: nothing more is issued under it, and what was issued dies by its cut-off class\n", cli->args[1]);
        return status;
}

int command_cut(Cli *cli) {
        Json *answer;
        if (cli->n_args != 2)
                return usage(cli, "name a kind (session, authorization, hop, jti, user, application, resource) and an id");
        Text body = text_print(cli->arena, "{\"kind\":\"%s\",\"id\":\"%s\"}", cli->args[0], cli->args[1]);
        int status = api_once(cli, "POST", zone_path(cli, "/cuts"), body, &answer);
        if (status == EXIT_DONE && !cli->quiet)
                printf("cut %s %s\n", cli->args[0], cli->args[1]);
        return status;
}

/* --- offline ------------------------------------------------------------------------------------------------------- */

int command_verify(Cli *cli) {
        LedgerVerdict verdict = {0};
        if (cli->n_args != 1)
                return usage(cli, "name a ledger file");
        Outcome end = ledger_verify(cli->args[0], &verdict);
        if (!outcome_ok(end))
                return complain(EXIT_REFUSED, "%s: %s", cli->args[0], end.why);
        if (verdict.broken[0])
                return complain(EXIT_REFUSED, "the chain is broken: %s", verdict.broken);
        printf("%lld events in %zu zone%s: the chain is unbroken\n", (long long)verdict.events, verdict.zones, verdict.zones == 1 ? "" : "s");
        return EXIT_DONE;
}

int command_token(Cli *cli) {
        Jws jws;
        Json *claims;
        const char *why = NULL;
        if (cli->n_args < 1 || cli->n_args > 2 || strcmp(cli->args[0], "inspect") != 0)
                return usage(cli, "tokens can be inspected");
        Text token = cli->n_args == 2 ? text_of(cli->args[1]) : file_text(cli->arena, "-", &why);
        while (token.len && (unsigned char)token.at[token.len - 1] <= ' ')
                token.len--;
        Outcome end = jws_read(cli->arena, token, &jws);
        if (outcome_ok(end))
                end = json_read_object(cli->arena, jws.payload, &claims);
        if (!outcome_ok(end))
                return complain(EXIT_REFUSED, "not a signed token: %s", end.why);
        printf("%.*s\n%.*s\n", TEXT_ARG(json_print(cli->arena, jws.head, JSON_INDENT(2))), TEXT_ARG(json_print(cli->arena, claims, JSON_INDENT(2))));
        fputs("carnet: read, not verified: whoever accepts it must check signature, issuer, audience and session\n", stderr);
        return EXIT_DONE;
}
