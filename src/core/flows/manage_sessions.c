/* manage_sessions.c - sessions shown and closed, cuts made, connections listed. */
#include "core/authorization.h"
#include "core/manage.h"

#define LOOKS 20 /* pages of the ledger that one listing reads before it answers with what it has */

typedef enum Status { STATUS_ACTIVE, STATUS_EXPIRED, STATUS_REVOKED } Status;

/* Columns of sessions_of_user (ledger.def). */
static Status row_status(const Rows *rows, size_t i, int64_t now) {
        bool child = rows_text(rows, i, 1).len != 0;
        if (rows_at(rows, i, 13)->type != VALUE_NULL)
                return STATUS_REVOKED;
        bool idle = !child && now > rows_int(rows, i, 11) + rows_int(rows, i, 9);
        return idle || now >= rows_int(rows, i, 10) ? STATUS_EXPIRED : STATUS_ACTIVE;
}

static const char *status_name(Status status) {
        return status == STATUS_ACTIVE ? "active" : status == STATUS_EXPIRED ? "expired" : "revoked";
}

static void put_session(JsonOut *out, Request *r, const Rows *rows, size_t i, Status status) {
        Text user = rows_text(rows, i, 4);
        json_put_text(out, "id", rows_text(rows, i, 0));
        json_put_text(out, "zone_id", r->zone->slug);
        json_put_str(out, "session_type", user.len ? "user" : "application");
        json_put_text_if(out, "parent_id", rows_text(rows, i, 1));
        json_put_text(out, "root_id", rows_text(rows, i, 2));
        json_put_int(out, "level", rows_int(rows, i, 3));
        json_put_text_if(out, "user_id", user);
        json_put_text(out, "application_id", rows_text(rows, i, 5));
        json_put_text(out, "client_id", rows_text(rows, i, 6));
        json_put_int(out, "opened", rows_int(rows, i, 8));
        json_put_int(out, "last_used", rows_int(rows, i, 11));
        json_put_int(out, "idle_seconds", rows_int(rows, i, 9));
        json_put_int(out, "ends", rows_int(rows, i, 10));
        json_put_bool(out, "stay_connected", rows_int(rows, i, 12) != 0);
        json_put_str(out, "status", status_name(status));
}

static Text session_json(Request *r, const Rows *rows, size_t i) {
        Buf buf = buf_new(r->arena, 512);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        put_session(&out, r, rows, i, row_status(rows, i, r->now));
        json_close(&out, '}');
        return buf_done(&buf);
}

/* Open roots unless asked otherwise: status=open|active|expired|revoked|all, include_nested=true. */
static bool session_wanted(Request *r, const Rows *rows, size_t i) {
        Text status = manage_query(r, "status");
        Text have = text_of(status_name(row_status(rows, i, r->now)));
        if (rows_text(rows, i, 1).len && !text_is(manage_query(r, "include_nested"), "true"))
                return false;
        if (!status.len || text_is(status, "open"))
                return text_is(have, "active");
        return text_is(status, "all") || text_equal(status, have);
}

static Outcome sessions_list(Request *r) {
        Text user = manage_query(r, "user"), after = manage_query(r, "after");
        int64_t limit;
        Rows page = {.n = MANAGE_PAGE};
        List list;
        TRY(manage_limit(r, &limit));
        const User *known = user.len ? zone_user_by_identifier(r->zone, user) : NULL;
        user = known ? known->slug : user;
        list_begin(&list, r, limit);
        for (size_t looks = 0; looks < LOOKS && page.n == MANAGE_PAGE && !list.more; looks++) {
                const Value params[] = {value_text(r->zone->slug), value_text(user), value_text(after), value_int(MANAGE_PAGE)};
                TRY(need_read(r, READ_sessions_of_user, params, ARRAY_LEN(params), &page));
                for (size_t i = 0; i < page.n && !list_full(&list); i++) {
                        after = rows_text(&page, i, 0);
                        if (session_wanted(r, &page, i))
                                list_item(&list, session_json(r, &page, i), after);
                }
        }
        list.more |= page.n == MANAGE_PAGE; /* not read to the end: the cursor is where it stopped */
        list.last = after;
        list_answer(&list, r);
        return outcome_good();
}

/* The session, and whether it or a node above it is cut. */
static Outcome session_row(Request *r, Text id, Rows *out, bool *closed) {
        Text cut;
        Texts line = {0};
        TRY(need_read_t(r, READ_session_get, out, id));
        ENSURE(out->n == 1, refuse(r, REFUSAL_NOT_FOUND, "there is no such session"));
        Text parent = id;
        for (size_t level = 0; parent.len && level < 4; level++) {
                Rows row;
                TRY(texts_add(r->arena, &line, parent));
                TRY(need_read_t(r, READ_session_get, &row, parent));
                parent = row.n ? rows_text(&row, 0, 1) : TEXT_NONE;
        }
        TRY(cut_find(r, line, (Texts){0}, rows_int(out, 0, 8), &cut));
        *closed = cut.len != 0;
        return outcome_good();
}

/* A cut may end the session that its own caller stands on: it needs no living one when it commits. */
static void unguarded(Request *r) {
        r->guard_ids = (Texts){0};
        r->guard_parties = (Texts){0};
}

static Status session_status(Request *r, const Rows *rows, bool closed) {
        bool idle = !rows_text(rows, 0, 1).len && r->now > rows_int(rows, 0, 11) + rows_int(rows, 0, 9);
        return closed ? STATUS_REVOKED : idle || r->now >= rows_int(rows, 0, 10) ? STATUS_EXPIRED : STATUS_ACTIVE;
}

static void put_authorizations(JsonOut *out, const Rows *rows) {
        json_open(out, "authorizations", '[');
        for (size_t i = 0; i < rows->n; i++) {
                json_open(out, NULL, '{');
                json_put_text(out, "id", rows_text(rows, i, 0));
                json_put_text(out, "application_id", rows_text(rows, i, 3));
                json_put_text(out, "client_id", rows_text(rows, i, 4));
                json_put_raw(out, "authority", rows_text(rows, i, 5));
                json_put_raw(out, "granted", rows_text(rows, i, 6));
                json_put_int(out, "created", rows_int(rows, i, 8));
                json_put_int(out, "ends", rows_int(rows, i, 9));
                json_close(out, '}');
        }
        json_close(out, ']');
}

static Outcome session_show(Request *r) {
        Rows row, authorizations, children;
        bool closed;
        Text id = manage_state(r)->id;
        TRY(session_row(r, id, &row, &closed));
        TRY(need_read_t(r, READ_authorizations_of, &authorizations, rows_text(&row, 0, 2)));
        TRY(need_read_t(r, READ_session_children, &children, id));
        Buf buf = buf_new(r->arena, 1024);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        put_session(&out, r, &row, 0, session_status(r, &row, closed));
        json_put_int(&out, "children", children.n ? rows_int(&children, 0, 0) : 0);
        put_authorizations(&out, &authorizations);
        json_close(&out, '}');
        answer_json(r, 200, buf_done(&buf));
        return outcome_good();
}

static Outcome session_close(Request *r) {
        Rows row;
        bool closed;
        Text id = manage_state(r)->id;
        TRY(manage_body(r));
        Text status = json_text(manage_state(r)->body, "status");
        ENSURE(text_is(status, "revoked"), refuse(r, REFUSAL_MALFORMED, "a session's status can only be set to \"revoked\""));
        TRY(session_row(r, id, &row, &closed));
        if (!closed)
                cut_write(r, "session", id, TEXT_NONE);
        manage_changed(r, "session.close");
        unguarded(r);
        r->event.session = id;
        r->event.root = rows_text(&row, 0, 2);
        r->event.user = rows_text(&row, 0, 4);
        r->event.application = rows_text(&row, 0, 5);
        Buf buf = buf_new(r->arena, 512);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        put_session(&out, r, &row, 0, STATUS_REVOKED);
        json_put_text(&out, "decision_id", r->event.id);
        json_close(&out, '}');
        answer_json(r, 200, buf_done(&buf));
        return outcome_good();
}

/* --- cuts ----------------------------------------------------------------------------------------------------------- */

/* A party is cut by its slug, and known to servers by what tokens say of it: sub, client_id or act.sub, aud. */
static Outcome cut_target(Request *r, Text kind, Text *id, Text *public_name) {
        static const char *const plain[] = {"session", "authorization", "hop", "jti"};
        static const char letters[] = {'s', 'a', 'h', 'd'};
        for (size_t i = 0; i < ARRAY_LEN(plain); i++)
                if (text_is(kind, plain[i])) {
                        ENSURE(id_ok(*id, letters[i]), refuse(r, REFUSAL_MALFORMED, "that is no id of a %s", plain[i]));
                        return outcome_good();
                }
        if (text_is(kind, "user")) {
                const User *user = zone_user_by_identifier(r->zone, *id);
                ENSURE(user, refuse(r, REFUSAL_NOT_FOUND, "there is no such user"));
                *id = *public_name = user->slug; /* delegation.md 1: a user's sub is the slug */
        } else if (text_is(kind, "application")) {
                const Application *a = zone_application(r->zone, *id);
                a = a ? a : zone_application_by_identifier(r->zone, *id);
                *public_name = a ? a->identifier : *id; /* one known by its document only is named by its client_id */
                *id = a ? a->slug : *id;
        } else if (text_is(kind, "resource")) {
                const Resource *resource = zone_resource(r->zone, *id);
                resource = resource ? resource : zone_resource_by_identifier(r->zone, *id);
                ENSURE(resource, refuse(r, REFUSAL_NOT_FOUND, "there is no such resource"));
                *id = resource->slug;
                *public_name = resource->identifier;
        } else
                return refuse(r, REFUSAL_MALFORMED, "kind is session, authorization, hop, jti, user, application or resource");
        return outcome_good();
}

static Outcome cut_make(Request *r) {
        TRY(manage_body(r));
        const Json *body = manage_state(r)->body;
        Text kind = json_text(body, "kind"), id = json_text(body, "id"), public_name = TEXT_NONE;
        ENSURE(id.len && id.len <= 2048, refuse(r, REFUSAL_MALFORMED, "id is missing"));
        TRY(cut_target(r, kind, &id, &public_name));
        cut_write(r, kind.at, id, public_name);
        manage_changed(r, "cut");
        unguarded(r);
        r->event.session = text_is(kind, "session") ? id : TEXT_NONE;
        Buf extra = buf_new(r->arena, 128), buf = buf_new(r->arena, 256);
        JsonOut more = json_out(&extra), out = json_out(&buf);
        buf_print(&extra, "%.*s,\"cut\":", TEXT_ARG(r->event.extra));
        json_open(&more, NULL, '{');
        json_put_text(&more, "kind", kind);
        json_put_text(&more, "id", id);
        json_close(&more, '}');
        r->event.extra = buf_done(&extra);
        json_open(&out, NULL, '{');
        json_put_text(&out, "kind", kind);
        json_put_text(&out, "id", id);
        json_put_int(&out, "at", r->now);
        json_put_text(&out, "decision_id", r->event.id);
        json_close(&out, '}');
        answer_json(r, 201, buf_done(&buf));
        return outcome_good();
}

/* --- connections ---------------------------------------------------------------------------------------------------- */

static Text grant_json(Request *r, const Rows *rows, size_t i) {
        Buf buf = buf_new(r->arena, 256);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        json_put_text(&out, "id", rows_text(rows, i, 0));
        json_put_text(&out, "zone_id", r->zone->slug);
        json_put_text(&out, "user_id", rows_text(rows, i, 1));
        json_put_text(&out, "provider_id", rows_text(rows, i, 2));
        json_put_text(&out, "account", rows_text(rows, i, 3));
        json_put_text(&out, "status", rows_text(rows, i, 4));
        json_put_int(&out, "expires_at", rows_int(rows, i, 5));
        json_put_int(&out, "refreshed_at", rows_int(rows, i, 6));
        json_close(&out, '}');
        return buf_done(&buf);
}

static Outcome grants_list(Request *r) {
        Rows rows;
        List list;
        int64_t limit;
        Text user = manage_query(r, "user"), after = manage_query(r, "after");
        TRY(manage_limit(r, &limit));
        const User *known = user.len ? zone_user_by_identifier(r->zone, user) : NULL;
        TRY(need_read_t(r, READ_grants_of, &rows, known ? known->slug : user));
        bool begun = !after.len;
        list_begin(&list, r, limit);
        for (size_t i = 0; i < rows.n; i++) {
                if (begun && list_full(&list))
                        break;
                if (begun)
                        list_item(&list, grant_json(r, &rows, i), rows_text(&rows, i, 0));
                begun |= text_equal(rows_text(&rows, i, 0), after);
        }
        list_answer(&list, r);
        return outcome_good();
}

static const Step list_steps[] = {{"admin", manage_admin}, {"list", sessions_list}, {"record", record_oauth}};
const Flow flow_manage_sessions = {"manage-sessions", list_steps, ARRAY_LEN(list_steps)};
static const Step show_steps[] = {{"admin", manage_admin}, {"show", session_show}, {"record", record_oauth}};
const Flow flow_manage_session = {"manage-session", show_steps, ARRAY_LEN(show_steps)};
static const Step close_steps[] = {{"admin", manage_admin}, {"close", session_close}, {"record", record_oauth}};
const Flow flow_manage_session_close = {"session.close", close_steps, ARRAY_LEN(close_steps)};
static const Step cut_steps[] = {{"admin", manage_admin}, {"cut", cut_make}, {"record", record_oauth}};
const Flow flow_manage_cut = {"cut", cut_steps, ARRAY_LEN(cut_steps)};
static const Step grants_steps[] = {{"admin", manage_admin}, {"list", grants_list}, {"record", record_oauth}};
const Flow flow_manage_grants = {"manage-grants", grants_steps, ARRAY_LEN(grants_steps)};
