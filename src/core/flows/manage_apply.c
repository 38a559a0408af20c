/* manage_apply.c - a zone document comes in: sealed, built, compared, kept, published; all of it or nothing.
 *
 * The document is judged before anything is written; the version is a condition of the commit, so that of two applies at
 * once one is told CONFLICT; the snapshot is swapped after the commit only. */
#include "core/manage.h"
#include "core/zone_build.h"

/* The first apply to a slug that the server does not know yet makes its zone. */
static Outcome apply_admin(Request *r) {
        Text slug = path_part(r, 1);
        if (!r->zone && r->in.peer_uid >= 0) {
                Zone *zone = arena_new_of(r->arena, Zone);
                ENSURE(zone, outcome_fault("memory"));
                zone->slug = slug;
                r->zone = zone;
        }
        TRY(manage_admin(r));
        r->event.kind = "apply";
        return outcome_good();
}

static Outcome apply_read(Request *r) {
        Manage *m = r->state;
        Json *files;
        const char *name;
        Json *text;
        TRY(manage_body(r));
        files = json_object_get(m->body, "files");
        ENSURE(json_is_object(files), refuse(r, REFUSAL_MALFORMED, "files is missing: {\"files\": {\"zone.yaml\": \"...\"}}"));
        json_object_foreach(files, name, text)
                /* Else a caller could have the zone use, and send out, a secret sealed for another purpose. */
                ENSURE(!text_starts(json_text(files, name), TEXT("sealed:")), refuse(r, REFUSAL_MALFORMED, "%.64s: a file may not begin with \"sealed:\"", name));
        m->dry_run = json_bool(m->body, "dry_run", false);
        return outcome_good();
}

/* The same secret keeps the sealed bytes that it has: an apply that changes nothing changes nothing. */
static Outcome secret_kept(Request *r, Text context, Text old, Text bytes, bool *same) {
        Text sealed, opened = TEXT_NONE;
        *same = false;
        if (!outcome_ok(zone_secret_read(r->arena, old, &sealed)))
                return outcome_good();
        Outcome end = need_open(r, context, sealed, &opened);
        if (outcome_waits(end) || end.end == OUTCOME_FAULT)
                return end;
        *same = outcome_ok(end) && text_same_secret(opened, bytes);
        return outcome_good();
}

static Text without_newline(Text t) {
        while (t.len && (t.at[t.len - 1] == '\n' || t.at[t.len - 1] == '\r'))
                t.len--;
        return t;
}

static Outcome secrets_seal(Request *r, Json *document, const Json *kept) {
        ZoneSecret *secrets;
        size_t n;
        TRY(zone_secrets(r->arena, document, &secrets, &n));
        for (size_t i = 0; i < n; i++) {
                bool same;
                Text bytes = without_newline(secrets[i].bytes), sealed;
                Text context = zone_secret_context(r->arena, r->zone->slug, secrets[i].provider);
                if (!bytes.len || text_starts(bytes, TEXT("sealed:")))
                        continue; /* missing or empty: the build says so; named twice: sealed above, and the build refuses it */
                Text old = json_text(json_object_get(kept, "files"), secrets[i].file.at);
                TRY(secret_kept(r, context, old, bytes, &same));
                if (!same) {
                        TRY(need_seal(r, context, bytes, &sealed));
                        old = zone_secret_write(r->arena, sealed);
                }
                Json *value = json_stringn(old.at ? old.at : "", old.len);
                ENSURE(value && json_object_set_new(json_object_get(document, "files"), secrets[i].file.at, value) == 0, outcome_fault("memory"));
        }
        return outcome_good();
}

static Outcome document_write(Request *r, const Json *files, const Json *kept, Text *out) {
        Buf buf = buf_new(r->arena, r->in.body.len + 256);
        JsonOut json = json_out(&buf);
        json_open(&json, NULL, '{');
        json_put_raw(&json, "files", json_print(r->arena, files, JSON_COMPACT));
        Texts retired = json_texts(r->arena, kept, "retired");
        if (retired.n)
                json_put_texts(&json, "retired", retired);
        json_close(&json, '}');
        *out = buf_done(&buf);
        return out->at ? outcome_good() : outcome_fault("memory");
}

/* What is in the ledger, and the document that would follow it. */
static Outcome apply_seal(Request *r) {
        Manage *m = r->state;
        Rows latest;
        Json *kept = NULL, *fresh;
        Text document;
        const Value zone[] = {value_text(r->zone->slug)};
        TRY(need_read(r, READ_zone_latest, zone, 1, &latest));
        if (latest.n)
                TRY(json_read_object(r->arena, rows_text(&latest, 0, 1), &kept));
        /* A tree of its own: the step may run again from its top. */
        TRY(json_read_object(r->arena, r->in.body, &fresh));
        TRY(secrets_seal(r, fresh, kept));
        TRY(document_write(r, json_object_get(fresh, "files"), kept, &document));
        m->version = latest.n ? rows_int(&latest, 0, 0) : 0;
        m->canonical = document;
        m->token = latest.n ? rows_text(&latest, 0, 1) : TEXT_NONE;
        return outcome_good();
}

static Outcome apply_publish(Request *r) {
        Manage *m = r->state;
        Text answer;
        Json *parsed;
        TRY(need_publish(r, m->canonical, true, &answer));
        TRY(json_read_object(r->arena, answer, &parsed));
        Text error = json_text(parsed, "error"), canonical = json_text(parsed, "canonical");
        ENSURE(!error.len, refuse(r, REFUSAL_MALFORMED, "%.*s", TEXT_ARG(error)));
        ENSURE(canonical.len, outcome_fault("a publication without a document"));
        m->changes = json_texts(r->arena, parsed, "changes");
        m->unchanged = text_equal(canonical, m->token);
        m->canonical = canonical;
        if (m->dry_run || m->unchanged)
                return outcome_good();
        manage_changed(r, "apply");
        r->event.extra = text_print(r->arena, "%.*s,\"version\":%lld,\"changes\":%zu", TEXT_ARG(r->event.extra), (long long)m->version + 1, m->changes.n);
        request_put(r, WRITE_zone_version_add, REFUSAL_CONFLICT, value_text(r->zone->slug), value_int(m->version + 1), value_text(canonical), value_int(r->now));
        return outcome_good();
}

static void apply_answer(Request *r, const Manage *m, bool kept) {
        Buf buf = buf_new(r->arena, 1024);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        json_put_texts(&out, "changes", m->changes);
        json_put_int(&out, "version", m->version + (kept ? 1 : 0));
        json_put_bool(&out, "applied", kept);
        json_put_text_if(&out, "decision_id", kept ? r->event.id : TEXT_NONE);
        json_close(&out, '}');
        answer_json(r, 200, buf_done(&buf));
}

static Outcome apply_record(Request *r) {
        Manage *m = r->state;
        Text published;
        TRY(record_oauth(r));
        if (!outcome_ok(r->ended))
                return outcome_good();
        bool kept = !m->dry_run && !m->unchanged;
        if (kept)
                TRY(need_publish(r, m->canonical, false, &published));
        apply_answer(r, m, kept);
        return outcome_good();
}

static const Step steps[] = {
        {"admin", apply_admin}, {"read", apply_read}, {"seal", apply_seal}, {"publish", apply_publish}, {"record", apply_record},
};
const Flow flow_manage_apply = {"apply", steps, ARRAY_LEN(steps)};

/* --- POST /zones/{z}/policies/check: the same judgement, nothing kept --------------------------------------------- */

static Outcome check_publish(Request *r) {
        Manage *m = r->state;
        Text answer;
        Json *parsed;
        TRY(need_publish(r, m->canonical, true, &answer));
        TRY(json_read_object(r->arena, answer, &parsed));
        Text error = json_text(parsed, "error");
        Buf buf = buf_new(r->arena, 512);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        json_put_bool(&out, "ok", !error.len);
        if (error.len)
                json_put_text(&out, "error_description", error);
        else
                json_put_texts(&out, "changes", json_texts(r->arena, parsed, "changes"));
        json_close(&out, '}');
        answer_json(r, 200, buf_done(&buf));
        return outcome_good();
}

static const Step check_steps[] = {
        {"admin", manage_admin}, {"read", apply_read}, {"seal", apply_seal}, {"publish", check_publish}, {"record", record_oauth},
};
const Flow flow_manage_check = {"policies-check", check_steps, ARRAY_LEN(check_steps)};
