#include "core/document.h"

#define FRESH_LEAST 300
#define FRESH_MOST 86400

static Outcome fetch(Request *r, Text purpose, Text url, Fetched *out) {
        const FetchAsk ask = {.purpose = purpose, .method = TEXT("GET"), .url = url, .accept = TEXT("application/json"),
                              .loopback = r->zone->loopback_documents};
        return need_fetch(r, &ask, out);
}

/* draft-ietf-oauth-client-id-metadata-document 4.4: by the server's word, within bounds of our own. */
static int64_t fresh_until(const Request *r, int64_t max_age) {
        return r->now + (max_age < FRESH_LEAST ? FRESH_LEAST : max_age > FRESH_MOST ? FRESH_MOST : max_age);
}

static bool is_json(Text type) {
        type = text_trim(text_sub(type, 0, text_find(type, ';')));
        return text_equal_nocase(type, TEXT("application/json")) ||
               (type.len > 17 && text_equal_nocase(text_sub(type, 0, 12), TEXT("application/")) &&
                text_equal_nocase(text_sub(type, type.len - 5, type.len), TEXT("+json")));
}

static Outcome judge(Request *r, const Fetched *got, size_t max) {
        ENSURE(got->status, refuse(r, REFUSAL_CLIENT, "the document could not be fetched: %.*s", TEXT_ARG(got->why)));
        ENSURE(got->status == 200, refuse(r, REFUSAL_CLIENT, "the document's server answered %d, not 200", got->status));
        ENSURE(is_json(got->content_type), refuse(r, REFUSAL_CLIENT, "the document is not application/json"));
        ENSURE(got->body.len && got->body.len <= max, refuse(r, REFUSAL_CLIENT, "the document is empty or over %zu bytes", max));
        return outcome_good();
}

Outcome document_read(Request *r, Text purpose, Text url, size_t max, Document *out) {
        Rows rows;
        Fetched got;
        TRY(need_read_t(r, READ_document_get, &rows, url));
        if (rows.n && r->now < rows_int(&rows, 0, 2)) {
                *out = (Document){.body = rows_text(&rows, 0, 0)};
                return outcome_good();
        }
        TRY(fetch(r, purpose, url, &got));
        /* A server that is silent for a while does not take its clients' sign-ins along; one that says "gone" does. */
        bool silent = !got.status || got.status >= 500;
        if (silent && rows.n && r->now < rows_int(&rows, 0, 1) + FRESH_MOST) {
                *out = (Document){.body = rows_text(&rows, 0, 0)};
                return outcome_good();
        }
        TRY(judge(r, &got, max));
        *out = (Document){.body = got.body, .fetched = true, .fresh = fresh_until(r, got.max_age)};
        return outcome_good();
}

void document_keep(Request *r, Text url, const Document *document) {
        if (!document->fetched)
                return;
        const Value params[] = {value_text(r->zone->slug), value_text(url), value_text(document->body), value_int(r->now),
                                value_int(document->fresh)};
        request_write(r, WRITE_document_set, 0, params, ARRAY_LEN(params));
        request_write_refusal(r, WRITE_document_set, params, ARRAY_LEN(params));
}
