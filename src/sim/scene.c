#include "sim/scene.h"
#include "core/engine.h"
#include "core/flows.h"
#include "crypto/b64url.h"
#include "crypto/hash.h"
#include "sim/browser.h"
#include "wire/form.h"
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdarg.h>
#include <stdlib.h>

#define WORDS_MAX 24
#define NAMES_MAX 64
#define SCENE_BYTES (1 << 20)
#define VERIFIER "scenes-have-one-verifier-for-all-of-their-codes-0123456789"

/* What an act left under a name: a code, or a token answer. */
typedef struct Named {
        Text name;
        Text access, refresh, code, session, redirect;
} Named;

typedef struct Play {
        Arena *arena;
        const char *file;
        unsigned line, checks;
        bool lenient;              /* torture: expectations are not asked */
        Text problem;
        Sim *sim;
        const SimKeys *keys;
        SimOptions options;
        Text zone_folder, zone_document; /* read when the first act needs the world */
        Texts without;
        Browser browser;
        Named names[NAMES_MAX];
        size_t n_names;
        /* the last answer */
        int status;
        Json *answer;
        Buf *transcript;           /* every answer: what two runs must agree on */
        Text passwords[8][2];
        size_t n_passwords;
} Play;

static bool fail(Play *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
static bool fail(Play *p, const char *fmt, ...) {
        char line[1024];
        va_list args;
        va_start(args, fmt);
        vsnprintf(line, sizeof line, fmt, args);
        va_end(args);
        p->problem = text_print(p->arena, "%s:%u: %s", p->file, p->line, line);
        return false;
}

static Named *named(Play *p, Text name) {
        for (size_t i = 0; i < p->n_names; i++)
                if (text_equal(p->names[i].name, name))
                        return &p->names[i];
        return NULL;
}

static Named *name_new(Play *p, Text name) {
        Named *known = named(p, name);
        if (known || p->n_names == NAMES_MAX)
                return known;
        p->names[p->n_names] = (Named){.name = name};
        return &p->names[p->n_names++];
}

/* --- the world, when it is first needed ------------------------------------------------------------------------------- */

static Text file_read(Arena *arena, const char *path) {
        FILE *file = fopen(path, "re");
        char *bytes = file ? arena_take(arena, SCENE_BYTES) : NULL;
        size_t n = bytes ? fread(bytes, 1, SCENE_BYTES - 1, file) : 0;
        if (file)
                fclose(file);
        return bytes ? (Text){bytes, n} : TEXT_NONE;
}

/* A policy whose @id is listed is cut out of its file, from the annotation to its semicolon: the twin of a refusal. */
static Text policy_without(Play *p, Text source) {
        for (size_t i = 0; i < p->without.n; i++) {
                Text mark = text_print(p->arena, "@id(\"%.*s\")", TEXT_ARG(p->without.at[i]));
                for (size_t at = 0; at + mark.len <= source.len; at++) {
                        if (!text_equal(text_sub(source, at, at + mark.len), mark))
                                continue;
                        size_t end = at + text_find(text_sub(source, at, source.len), ';') + 1;
                        source = text_print(p->arena, "%.*s%.*s", TEXT_ARG(text_sub(source, 0, at)), TEXT_ARG(text_sub(source, end, source.len)));
                        break;
                }
        }
        return source;
}

static bool zone_load(Play *p, Text folder) {
        char *copy = (char *)text_copy(p->arena, text_of(p->file)).at;
        const char *base = dirname(copy);
        Buf buf = buf_new(p->arena, 8192);
        JsonOut out = json_out(&buf);
        static const char *const files[] = {"zone.yaml", "lanes.cedar", "policy.cedar", "hubspot.secret", "ca.pem"};
        json_open(&out, NULL, '{');
        json_open(&out, "files", '{');
        for (size_t i = 0; i < ARRAY_LEN(files); i++) {
                Text path = text_print(p->arena, "%s/%.*s/%s", base, TEXT_ARG(folder), files[i]);
                Text source = file_read(p->arena, path.at);
                if (source.at)
                        json_put_text(&out, files[i], text_ends(text_of(files[i]), TEXT(".cedar")) ? policy_without(p, source) : source);
                else if (i == 0)
                        return fail(p, "%.*s: %s", TEXT_ARG(path), strerror(errno));
        }
        json_close(&out, '}');
        json_close(&out, '}');
        p->zone_document = buf_done(&buf);
        return true;
}

static bool world_ready(Play *p) {
        Text problem = TEXT_NONE;
        if (p->sim)
                return true;
        if (!p->zone_folder.len)
                return fail(p, "a scene begins with its zone");
        if (!zone_load(p, p->zone_folder))
                return false;
        Outcome end = sim_new(&p->options, p->keys, p->zone_document, &p->sim, &problem);
        if (!outcome_ok(end))
                return fail(p, "the zone cannot be built: %.*s", TEXT_ARG(problem.len ? problem : text_of(end.why)));
        for (size_t i = 0; i < p->n_passwords; i++) {
                const Value params[] = {value_text(sim_zone(p->sim)->slug), value_text(p->passwords[i][0]), value_text(p->passwords[i][1]), value_int(sim_now(p->sim))};
                if (!sim_write(p->sim, WRITE_account_set, params, ARRAY_LEN(params)))
                        return fail(p, "the password cannot be kept");
        }
        return true;
}

/* --- requests ----------------------------------------------------------------------------------------------------------- */

static void form_fill_request(Request *r, void *arg) {
        const Form *form = arg;
        Param *list = arena_array(r->arena, Param, form->n ? form->n : 1);
        for (size_t i = 0; i < form->n; i++)
                list[i] = (Param){form->at[i].name, form->at[i].value};
        r->in = (In){.method = TEXT("POST"), .form = {list, form->n}, .source = TEXT("127.0.0.1"), .peer_uid = -1};
}

/* I2: whoever holds a token of ours has an event to show for it. */
static bool issued_has_event(Play *p, Text id) {
        Rows rows;
        const Value params[] = {value_text(sim_zone(p->sim)->slug), value_int(0), value_int(10000)};
        if (!outcome_ok(sim_read(p->sim, READ_events_after, params, ARRAY_LEN(params), &rows)))
                return fail(p, "the events cannot be read");
        for (size_t i = 0; i < rows.n; i++)
                if (text_equal(rows_text(&rows, i, 2), id))
                        return true;
        return fail(p, "I2: %.*s was issued without its event", TEXT_ARG(id));
}

static bool post(Play *p, const Flow *flow, Form *form) {
        Request *r;
        bool ended = sim_request(p->sim, flow, form_fill_request, form, &r);
        p->status = ended ? r->answer.status : 0;
        p->answer = NULL;
        Text body = ended ? text_copy(p->arena, r->answer.body) : TEXT_NONE;
        request_free(r);
        buf_print(p->transcript, "%d %.*s\n", p->status, TEXT_ARG(body));
        if (body.len && !outcome_ok(json_read_object(p->arena, body, &p->answer)))
                return fail(p, "the answer is no JSON object: %.*s", TEXT_ARG(body));
        if (p->answer && json_has(p->answer, "access_token"))
                return issued_has_event(p, json_text(p->answer, "decision_id"));
        return true;
}

static const Application *application_of(Play *p, Text slug) {
        const Application *a = zone_application(sim_zone(p->sim), slug);
        if (!a)
                fail(p, "the zone has no application %.*s", TEXT_ARG(slug));
        return a;
}

static void add(Play *p, Form *form, const char *name, Text value) {
        if (!outcome_ok(form_add(p->arena, form, name, value)))
                fail(p, "too many parameters");
}

static bool client_add(Play *p, Form *form, Text slug) {
        const Application *a = application_of(p, slug);
        if (!a)
                return false;
        if (a->client_metadata.len || a->is_public) {
                add(p, form, "client_id", a->client_metadata.len ? a->client_metadata : a->identifier);
                return true;
        }
        add(p, form, "client_assertion_type", TEXT("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
        add(p, form, "client_assertion", sim_assertion(p->sim, a->identifier));
        return true;
}

/* A resource's slug, or its URI as it is. */
static Text identifier_of(Play *p, Text word) {
        const Resource *resource = zone_resource(sim_zone(p->sim), word);
        return resource ? resource->identifier : word;
}

/* "resource X", "scope \"a b\"", "param NAME VALUE" … */
static bool options_add(Play *p, Form *form, const Text *words, size_t n) {
        for (size_t i = 0; i < n; i++) {
                bool more = i + 1 < n;
                if (text_is(words[i], "resource") && more)
                        add(p, form, "resource", identifier_of(p, words[++i]));
                else if (text_is(words[i], "scope") && more)
                        add(p, form, "scope", words[++i]);
                else if (text_is(words[i], "session") && more)
                        add(p, form, "session", words[++i]);
                else if (text_is(words[i], "param") && i + 2 < n) {
                        add(p, form, words[i + 1].at, words[i + 2]);
                        i += 2;
                } else if (text_is(words[i], "actor") && more) {
                        const Named *actor = named(p, words[++i]);
                        if (!actor)
                                return fail(p, "nothing is named %.*s", TEXT_ARG(words[i]));
                        add(p, form, "actor_token", actor->access);
                        add(p, form, "actor_token_type", TEXT("urn:ietf:params:oauth:token-type:access_token"));
                } else
                        return fail(p, "unknown word %.*s", TEXT_ARG(words[i]));
        }
        return !p->problem.len;
}

static bool keep(Play *p, Text name) {
        if (!p->answer || !name.len)
                return true;
        Named *to = name_new(p, name);
        if (!to)
                return fail(p, "too many names");
        to->access = json_text(p->answer, "access_token");
        to->refresh = json_text(p->answer, "refresh_token");
        to->session = json_text(p->answer, "session");
        return true;
}

static bool token_request(Play *p, Text name, Text slug, Form *form, const Text *rest, size_t n) {
        return client_add(p, form, slug) && options_add(p, form, rest, n) && post(p, &flow_token, form) && keep(p, name);
}

/* --- acts: NAME = verb … -------------------------------------------------------------------------------------------------- */

static Text password_of(const Play *p, Text user) {
        for (size_t i = 0; i < p->n_passwords; i++)
                if (text_equal(p->passwords[i][0], user))
                        return p->passwords[i][1];
        return TEXT("none");
}

/* consent USER CLIENT RESOURCE… [scope "…"] */
static bool act_consent(Play *p, Text name, const Text *words, size_t n) {
        Form query = {0};
        const Application *a = n >= 3 ? application_of(p, words[1]) : NULL;
        if (!a)
                return p->problem.len ? false : fail(p, "consent USER CLIENT RESOURCE");
        add(p, &query, "response_type", TEXT("code"));
        add(p, &query, "client_id", a->client_metadata.len ? a->client_metadata : a->identifier);
        add(p, &query, "redirect_uri", TEXT("http://127.0.0.1:7777/callback"));
        add(p, &query, "state", TEXT("st4te"));
        add(p, &query, "code_challenge_method", TEXT("S256"));
        add(p, &query, "code_challenge", hash_b64url(p->arena, TEXT(VERIFIER)));
        add(p, &query, "resource", identifier_of(p, words[2]));
        const char *action = "allow";
        size_t rest = 3;
        if (n > 3 && text_is(words[3], "denies")) {
                action = "deny";
                rest = 4;
        }
        if (!options_add(p, &query, words + rest, n - rest))
                return false;
        const User *user = zone_user(sim_zone(p->sim), words[0]);
        BrowserAnswer answer = browser_authorize(p->sim, &p->browser, form_write(p->arena, &query), user ? user->identifier : words[0], password_of(p, words[0]), action);
        p->status = answer.arrived ? 303 : answer.status;
        Form back = {0};
        Text location = answer.location;
        Buf json = buf_new(p->arena, 512);
        JsonOut out = json_out(&json);
        json_open(&out, NULL, '{');
        if (answer.arrived && outcome_ok(form_read(p->arena, text_sub(location, text_find(location, '?') + 1, location.len), &back)))
                for (size_t i = 0; i < back.n; i++)
                        json_put_text(&out, text_copy(p->arena, back.at[i].name).at, back.at[i].value);
        json_close(&out, '}');
        if (!outcome_ok(json_read_object(p->arena, buf_done(&json), &p->answer)))
                return fail(p, "the redirect cannot be read");
        buf_print(p->transcript, "%d %.*s\n", p->status, TEXT_ARG(buf_done(&json)));
        Named *to = name_new(p, name);
        if (to) {
                to->code = json_text(p->answer, "code");
                to->redirect = TEXT("http://127.0.0.1:7777/callback");
        }
        return true;
}

static bool act_code(Play *p, Text name, const Text *words, size_t n) {
        const Named *from = n >= 2 ? named(p, words[1]) : NULL;
        Form form = {0};
        if (!from)
                return fail(p, "code CLIENT CONSENT");
        add(p, &form, "grant_type", TEXT("authorization_code"));
        add(p, &form, "code", from->code);
        add(p, &form, "redirect_uri", from->redirect);
        add(p, &form, "code_verifier", TEXT(VERIFIER));
        return token_request(p, name, words[0], &form, words + 2, n - 2);
}

static bool act_refresh(Play *p, Text name, const Text *words, size_t n) {
        const Named *from = n >= 2 ? named(p, words[1]) : NULL;
        Form form = {0};
        if (!from)
                return fail(p, "refresh CLIENT TOKEN");
        add(p, &form, "grant_type", TEXT("refresh_token"));
        add(p, &form, "refresh_token", from->refresh);
        return token_request(p, name, words[0], &form, words + 2, n - 2);
}

static bool act_exchange(Play *p, Text name, const Text *words, size_t n) {
        const Named *from = n >= 3 ? named(p, words[1]) : NULL;
        Form form = {0};
        if (!from)
                return fail(p, "exchange CLIENT TOKEN RESOURCE");
        add(p, &form, "grant_type", TEXT("urn:ietf:params:oauth:grant-type:token-exchange"));
        add(p, &form, "subject_token", from->access);
        add(p, &form, "subject_token_type", TEXT("urn:ietf:params:oauth:token-type:access_token"));
        if (!text_is(words[2], "nothing"))
                add(p, &form, "resource", identifier_of(p, words[2]));
        return token_request(p, name, words[0], &form, words + 3, n - 3);
}

static bool act_alone(Play *p, Text name, const Text *words, size_t n) {
        Form form = {0};
        if (n < 1)
                return fail(p, "alone CLIENT [resource RESOURCE]");
        add(p, &form, "grant_type", TEXT("client_credentials"));
        return token_request(p, name, words[0], &form, words + 1, n - 1);
}

static bool act_about(Play *p, const Flow *flow, const Text *words, size_t n) {
        const Named *from = n == 2 ? named(p, words[1]) : NULL;
        Form form = {0};
        if (!from)
                return fail(p, "name a client and a token");
        add(p, &form, "token", from->access.len ? from->access : from->refresh);
        return client_add(p, &form, words[0]) && post(p, flow, &form);
}

static bool act_introspect(Play *p, Text name, const Text *words, size_t n) {
        (void)name;
        return act_about(p, &flow_introspect, words, n);
}

static bool act_revoke(Play *p, Text name, const Text *words, size_t n) {
        (void)name;
        return act_about(p, &flow_revoke, words, n);
}

/* close TOKEN: the session of a token ends, as by its user. */
static bool act_close(Play *p, Text name, const Text *words, size_t n) {
        const Named *from = n == 1 ? named(p, words[0]) : NULL;
        (void)name;
        if (!from)
                return fail(p, "close TOKEN");
        const Value params[] = {value_text(sim_zone(p->sim)->slug), value_text(TEXT("session")), value_text(from->session), value_int(sim_now(p->sim)), value_text(TEXT(""))};
        return sim_write(p->sim, WRITE_cut_add, params, ARRAY_LEN(params)) || fail(p, "the session cannot be closed");
}

static bool act_cut(Play *p, Text name, const Text *words, size_t n) {
        (void)name;
        if (n != 2)
                return fail(p, "cut KIND SLUG");
        Text id = text_print(p->arena, "%.*s:%.*s", TEXT_ARG(words[0]), TEXT_ARG(words[1]));
        const Value params[] = {value_text(sim_zone(p->sim)->slug), value_text(words[0]), value_text(id), value_int(sim_now(p->sim)), value_text(TEXT(""))};
        return sim_write(p->sim, WRITE_cut_add, params, ARRAY_LEN(params)) || fail(p, "the cut cannot be written");
}

static bool act_wait(Play *p, Text name, const Text *words, size_t n) {
        int64_t amount;
        (void)name;
        if (n != 1 || words[0].len < 2 || !outcome_ok(text_int(text_sub(words[0], 0, words[0].len - 1), &amount)))
                return fail(p, "wait 30s, 5m or 2h");
        char unit = words[0].at[words[0].len - 1];
        sim_forward(p->sim, amount * (unit == 'h' ? 3600 : unit == 'm' ? 60 : 1));
        return true;
}

/* --- expectations --------------------------------------------------------------------------------------------------------- */

static Text act_line(Play *p, const Json *claims) {
        Texts names = {0};
        for (const Json *act = json_object_get(claims, "act"); act; act = json_object_get(act, "act"))
                if (!outcome_ok(texts_add(p->arena, &names, json_text(act, "sub"))))
                        break;
        Buf buf = buf_new(p->arena, 64);
        for (size_t i = names.n; i > 0; i--)
                buf_print(&buf, "%s%.*s", i < names.n ? " > " : "", TEXT_ARG(names.at[i - 1]));
        return buf_done(&buf);
}

static Json *claims_of(Play *p) {
        Text token = json_text(p->answer, "access_token"), payload;
        Text rest = text_sub(token, text_find(token, '.') + 1, token.len);
        Json *claims = NULL;
        if (!outcome_ok(b64url_decode(p->arena, text_sub(rest, 0, text_find(rest, '.')), &payload)) || !outcome_ok(json_read_object(p->arena, payload, &claims)))
                return NULL;
        return claims;
}

static bool last_event(Play *p, Json **out) {
        Rows rows;
        const Value params[] = {value_text(sim_zone(p->sim)->slug), value_int(0), value_int(10000)};
        return outcome_ok(sim_read(p->sim, READ_events_after, params, ARRAY_LEN(params), &rows)) && rows.n &&
               outcome_ok(json_read_object(p->arena, rows_text(&rows, rows.n - 1, 4), out));
}

static bool same(Play *p, const char *what, Text wanted, Text have) {
        if (text_equal(wanted, have)) {
                p->checks++;
                return true;
        }
        return fail(p, "expected %s \"%.*s\", got \"%.*s\" (answer %d %.*s)", what, TEXT_ARG(wanted), TEXT_ARG(have), p->status,
                    TEXT_ARG(json_print(p->arena, p->answer ? p->answer : json_null(), JSON_COMPACT)));
}

static bool expect_event(Play *p, Text key, Text wanted) {
        Json *event;
        char name[32];
        snprintf(name, sizeof name, "%.*s", TEXT_ARG(key));
        if (!last_event(p, &event))
                return fail(p, "there is no event");
        Text have = json_text(event, name);
        if (text_is(key, "chain") || text_is(key, "scopes") || text_is(key, "classes"))
                have = texts_join(p->arena, json_texts(p->arena, event, name), " ");
        return same(p, name, wanted, have);
}

static bool expect_one(Play *p, Text key, Text wanted) {
        Json *claims = p->answer && json_has(p->answer, "access_token") ? claims_of(p) : NULL;
        int64_t n = -1;
        if (text_is(key, "refused"))
                return same(p, "error", wanted, json_text(p->answer, "error"));
        if (text_is(key, "policy"))
                return same(p, "policy", wanted, json_text(json_object_get(p->answer, "policy"), "id"));
        if (text_is(key, "scope"))
                return same(p, "scope", wanted, json_text(p->answer, "scope"));
        if (text_is(key, "says"))
                return strstr(json_text(p->answer, "error_description").at ? json_text(p->answer, "error_description").at : "", text_copy(p->arena, wanted).at)
                               ? (p->checks++, true)
                               : same(p, "sentence with", wanted, json_text(p->answer, "error_description"));
        if (text_is(key, "act"))
                return same(p, "act", wanted, act_line(p, claims));
        if (text_is(key, "aud"))
                return same(p, "aud", identifier_of(p, wanted), json_text(claims, "aud"));
        if (text_is(key, "sub") || text_is(key, "client_id"))
                return same(p, "claim", wanted, json_text(claims, text_is(key, "sub") ? "sub" : "client_id"));
        if (text_is(key, "expires"))
                return json_int(p->answer, "expires_in", &n), same(p, "expires_in", wanted, text_print(p->arena, "%lld", (long long)n));
        if (text_is(key, "active"))
                return same(p, "active", wanted, json_bool(p->answer, "active", false) ? TEXT("yes") : TEXT("no"));
        if (text_is(key, "session")) {
                const Named *of = named(p, wanted);
                return of ? same(p, "session", of->session, json_text(p->answer, "session")) : fail(p, "nothing is named %.*s", TEXT_ARG(wanted));
        }
        return fail(p, "unknown expectation %.*s", TEXT_ARG(key));
}

static bool act_expect(Play *p, const Text *words, size_t n) {
        if (p->lenient)
                return true;
        bool event = n > 0 && text_is(words[0], "event");
        for (size_t i = event; i < n; i++) {
                if (text_is(words[i], "ok")) {
                        if (p->status != 200 && !(p->status == 303 && json_has(p->answer, "code")))
                                return same(p, "answer", TEXT("ok"), TEXT("a refusal"));
                        p->checks++;
                } else if (i + 1 >= n)
                        return fail(p, "%.*s wants a value", TEXT_ARG(words[i]));
                else {
                        bool held = event ? expect_event(p, words[i], words[i + 1]) : expect_one(p, words[i], words[i + 1]);
                        if (!held)
                                return false;
                        i++;
                }
        }
        return true;
}

/* --- lines ------------------------------------------------------------------------------------------------------------------ */

typedef struct Verb {
        const char *name;
        bool (*act)(Play *p, Text name, const Text *words, size_t n);
} Verb;

static const Verb verbs[] = {
        {"consent", act_consent}, {"code", act_code},     {"refresh", act_refresh}, {"exchange", act_exchange}, {"alone", act_alone},
        {"introspect", act_introspect}, {"revoke", act_revoke}, {"close", act_close},  {"cut", act_cut},           {"wait", act_wait},
};

/* Words by spaces; "quoted words" are one. A word that begins with # ends the line. */
static bool words_read(Play *p, Text line, Text *words, size_t *n) {
        *n = 0;
        for (line = text_trim(line); line.len; line = text_trim(line)) {
                if (line.at[0] == '#')
                        return true;
                if (*n == WORDS_MAX)
                        return fail(p, "too many words");
                bool quoted = line.at[0] == '"';
                Text from = text_sub(line, quoted, line.len);
                size_t end = text_find(from, quoted ? '"' : ' ');
                words[(*n)++] = text_copy(p->arena, text_sub(from, 0, end));
                line = text_sub(from, end + quoted, from.len);
        }
        return true;
}

static bool set_up_line(Play *p, const Text *words, size_t n, bool *done) {
        *done = true;
        if (text_is(words[0], "zone") && n == 2) {
                p->zone_folder = words[1];
                return true;
        }
        if (text_is(words[0], "without") && n == 2)
                return outcome_ok(texts_add(p->arena, &p->without, words[1]));
        if (text_is(words[0], "password") && n == 3 && p->n_passwords < ARRAY_LEN(p->passwords)) {
                p->passwords[p->n_passwords][0] = words[1];
                p->passwords[p->n_passwords++][1] = words[2];
                return true;
        }
        *done = false;
        return true;
}

static bool line_play(Play *p, Text line) {
        Text words[WORDS_MAX], name = TEXT_NONE;
        size_t n, at = 0;
        bool done;
        if (!words_read(p, line, words, &n))
                return false;
        if (n == 0)
                return true;
        if (!set_up_line(p, words, n, &done) || done)
                return done && !p->problem.len;
        if (!world_ready(p))
                return false;
        if (text_is(words[0], "expect"))
                return act_expect(p, words + 1, n - 1);
        if (n > 2 && text_is(words[1], "=")) {
                name = words[0];
                at = 2;
        }
        for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
                if (text_is(words[at], verbs[i].name))
                        return verbs[i].act(p, name, words + at + 1, n - at - 1);
        return fail(p, "unknown act %.*s", TEXT_ARG(words[at]));
}

static void play(Play *p, Text source) {
        while (source.len && !p->problem.len) {
                size_t end = text_find(source, '\n');
                p->line++;
                if (!line_play(p, text_sub(source, 0, end)) && !p->problem.len)
                        fail(p, "this line cannot be played");
                source = text_sub(source, end + 1, source.len);
        }
        if (p->sim && !p->problem.len) {
                Rows rows;
                const Value params[] = {value_text(sim_zone(p->sim)->slug), value_int(0), value_int(10000)};
                if (outcome_ok(sim_read(p->sim, READ_events_after, params, ARRAY_LEN(params), &rows)))
                        for (size_t i = 0; i < rows.n; i++)
                                buf_print(p->transcript, "event %.*s\n", TEXT_ARG(rows_text(&rows, i, 4)));
        }
}

static Play play_new(Arena *arena, const SimKeys *keys, const char *file, Buf *transcript, SimOptions options) {
        return (Play){.arena = arena, .file = file, .keys = keys, .transcript = transcript, .options = options};
}

SceneResult scene_play(Arena *arena, const SimKeys *keys, const char *file) {
        SceneResult result = {0};
        Text source = file_read(arena, file), transcripts[2];
        if (!source.at) {
                result.problem = text_print(arena, "%s: %s", file, strerror(errno));
                return result;
        }
        for (int park = 0; park < 2; park++) {
                Buf transcript = buf_new(arena, 8192);
                Play p = play_new(arena, keys, file, &transcript, (SimOptions){.park = park, .seed = 1});
                play(&p, source);
                transcripts[park] = text_copy(arena, buf_done(&transcript));
                result.checks = p.checks;
                result.problem = p.problem.len ? text_copy(arena, p.problem) : TEXT_NONE;
                sim_free(p.sim);
                if (result.problem.len)
                        return result;
        }
        if (!text_equal(transcripts[0], transcripts[1]))
                result.problem = text_print(arena, "%s: with all needs parked, answers or events differ", file);
        else if (!result.checks)
                result.problem = text_print(arena, "%s: expects nothing", file);
        result.good = !result.problem.len;
        return result;
}

SceneResult scene_torture(Arena *arena, const SimKeys *keys, const char *file, unsigned stride) {
        static const SimTrouble troubles[] = {SIM_FAIL, SIM_TWICE, SIM_GONE, SIM_COMMIT_BEFORE, SIM_COMMIT_AFTER};
        SceneResult result = {.good = true};
        Text source = file_read(arena, file);
        for (size_t t = 0; t < ARRAY_LEN(troubles); t++) {
                bool hit = true;
                for (unsigned at = 1 + (unsigned)t % stride; hit && result.good; at += stride) {
                        Arena *run = arena_new((size_t)256 << 20);
                        Buf transcript = buf_new(run, 8192);
                        Play p = play_new(run, keys, file, &transcript, (SimOptions){.park = at / stride % 2, .trouble = troubles[t], .at = at, .seed = 1});
                        p.lenient = true;
                        play(&p, source);
                        hit = p.sim && sim_hit(p.sim);
                        result.runs++;
                        /* Acts that follow trouble may lack what it took from them: only broken invariants count. */
                        if (p.problem.len && strstr(p.problem.at, ": I")) {
                                result.good = false;
                                result.problem = text_print(arena, "%.*s (trouble %d at need %u)", TEXT_ARG(p.problem), (int)troubles[t], at);
                        }
                        sim_free(p.sim);
                        arena_free(run);
                }
        }
        return result;
}
