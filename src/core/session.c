#include "core/session.h"

static Session session_of(const Rows *rows) {
        return (Session){
                .id = rows_text(rows, 0, 0), .parent = rows_text(rows, 0, 1), .root = rows_text(rows, 0, 2),
                .level = rows_int(rows, 0, 3), .user = rows_text(rows, 0, 4), .application = rows_text(rows, 0, 5),
                .client_id = rows_text(rows, 0, 6), .browser = rows_text(rows, 0, 7), .opened = rows_int(rows, 0, 8),
                .idle = rows_int(rows, 0, 9), .ends = rows_int(rows, 0, 10), .last_used = rows_int(rows, 0, 11),
                .stay = rows_int(rows, 0, 12) != 0,
        };
}

Outcome session_read(Request *r, Text id, Session *out) {
        Rows rows;
        TRY(need_read_t(r, READ_session_get, &rows, id));
        ENSURE(rows.n == 1, refuse(r, REFUSAL_CLOSED, "there is no such session"));
        *out = session_of(&rows);
        ENSURE(r->now < out->ends, refuse(r, REFUSAL_CLOSED, "the session has reached its end; sign in again"));
        /* Idleness is the root's: a child is in use while its root is. */
        ENSURE(out->parent.len || r->now <= out->last_used + out->idle,
               refuse(r, REFUSAL_CLOSED, "the session was idle for %lld minutes and has ended; sign in again", (long long)(out->idle / 60)));
        return outcome_good();
}

Outcome session_begin(Request *r, Text user, Text application, Text client_id, Text browser, bool stay, Session *out) {
        Text id;
        TRY(need_id(r, 's', &id));
        const Zone *zone = r->zone;
        *out = (Session){.id = id, .root = id, .user = user, .application = application, .client_id = client_id,
                         .browser = browser, .opened = r->now, .idle = stay ? zone->stay_idle : zone->idle,
                         .ends = r->now + (stay ? zone->stay_absolute : zone->absolute), .last_used = r->now, .stay = stay};
        return outcome_good();
}

void session_write(Request *r, const Session *s) {
        request_put(r, WRITE_session_add, REFUSAL_CONFLICT, value_text(r->zone->slug), value_text(s->id),
                    s->parent.len ? value_text(s->parent) : value_null(), value_text(s->root), value_int(s->level),
                    value_text(s->user), value_text(s->application), value_text(s->client_id), value_text(s->browser),
                    value_int(s->opened), value_int(s->idle), value_int(s->ends), value_int(s->last_used), value_int(s->stay));
}

void session_touch(Request *r, const Session *session) {
        if (r->now - session->last_used >= 60)
                request_put(r, WRITE_session_use, 0, value_text(r->zone->slug), value_text(session->root), value_int(r->now));
}

Outcome session_open_root(Request *r, Text user, Text application, Text browser, Text *id) {
        Rows rows;
        const Value params[] = {value_text(r->zone->slug), value_text(user), value_text(application), value_text(browser),
                                value_int(0), value_int(r->now)};
        TRY(need_read(r, READ_session_open_root, params, ARRAY_LEN(params), &rows));
        *id = rows.n ? rows_text(&rows, 0, 0) : TEXT_NONE;
        return outcome_good();
}

Outcome session_line(Request *r, const Session *session, Texts *ids) {
        *ids = (Texts){0};
        TRY(texts_add(r->arena, ids, session->id));
        Text parent = session->parent;
        for (int level = 0; parent.len && level < SESSION_LEVELS; level++) {
                Rows rows;
                TRY(texts_add(r->arena, ids, parent));
                TRY(need_read_t(r, READ_session_get, &rows, parent));
                ENSURE(rows.n == 1, refuse(r, REFUSAL_CLOSED, "there is no such session"));
                parent = rows_text(&rows, 0, 1);
        }
        return outcome_good();
}

void cut_write(Request *r, const char *kind, Text id, Text known_as) {
        request_put(r, WRITE_cut_add, REFUSAL_CONFLICT, value_text(r->zone->slug), value_text(text_of(kind)), value_text(id),
                    value_int(r->now), value_text(known_as));
}

static Text json_list(Arena *arena, Texts list) {
        Buf buf = buf_new(arena, 256);
        JsonOut out = json_out(&buf);
        json_put_texts(&out, NULL, list);
        return buf_done(&buf);
}

Outcome cut_find(Request *r, Texts ids, Texts parties, int64_t began, Text *kind) {
        Rows rows;
        const Value params[] = {value_text(r->zone->slug), value_text(json_list(r->arena, ids)),
                                value_text(json_list(r->arena, parties)), value_int(began)};
        TRY(need_read(r, READ_cuts_among, params, ARRAY_LEN(params), &rows));
        *kind = rows.n ? rows_text(&rows, 0, 0) : TEXT_NONE;
        return outcome_good();
}
