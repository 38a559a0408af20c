#include "core/pages/page.h"
#include "core/pages/views.h"

void answer_html(Request *r, int status, Text body) {
        r->answer.kind = body.at ? ANSWER_HTML : ANSWER_NONE;
        r->answer.status = status;
        r->answer.body = body;
}

void answer_go(Request *r, Text location) {
        r->answer.kind = location.at ? ANSWER_REDIRECT : ANSWER_NONE;
        r->answer.status = 303;
        r->answer.location = location;
}

void message_page(Request *r, int status, const char *title, Text text, const char *href, const char *label) {
        Page page = page_open(r->arena, r->zone, title);
        page_element(&page, "h1", text_of(title));
        page_element(&page, "p", text);
        if (href) {
                page_raw(&page, "<p class=\"foot\"><a href=\"");
                page_text(&page, r->zone->issuer);
                page_str(&page, href);
                page_raw(&page, "\">");
                page_str(&page, label);
                page_raw(&page, "</a></p>");
        }
        answer_html(r, status, page_close(&page));
}

static void refusal_json(Request *r, int status, const char *code, Text why) {
        Buf buf = buf_new(r->arena, 256);
        JsonOut out = json_out(&buf);
        json_open(&out, NULL, '{');
        json_put_str(&out, "error", code);
        json_put_text(&out, "error_description", why);
        json_put_text_if(&out, "decision_id", r->event.id);
        json_put_text_if(&out, "requestId", r->event.id);
        json_close(&out, '}');
        answer_json(r, status, buf_done(&buf));
}

static const char *title_of(int row) {
        switch (row) {
        case REFUSAL_CLIENT: return "This application cannot be let in";
        case REFUSAL_REDIRECT_URI: return "The way back does not belong to this application";
        case REFUSAL_LIMIT: return "Too many tries";
        case REFUSAL_FORM: return "This form cannot be used";
        case REFUSAL_UNAVAILABLE: return "Not possible just now";
        case REFUSAL_CONNECTION: return "The connection did not work";
        case REFUSAL_NOT_FOUND: return "There is nothing here";
        default: return "This request cannot be answered";
        }
}

void refusal_page(Request *r, Outcome end) {
        bool refused = end.end == OUTCOME_REFUSED;
        const RefusalInfo *info = refusal_info(refused ? end.row : REFUSAL_FAULT);
        Text why = !refused ? text_of(info->sentence) : r->why.len ? r->why : text_of(end.why ? end.why : info->sentence);
        /* An unknown client has authenticated nothing that a 401 could ask for again: on a page it is a bad request. */
        int status = end.row == REFUSAL_CLIENT && refused ? 400 : info->status;
        r->answer = (Answer){.retry_after = status == 429 || status == 503 ? 1 : 0};
        if (r->in.json_wanted || !r->zone) {
                refusal_json(r, status, info->code, why);
                return;
        }
        Page page = page_open(r->arena, r->zone, refused ? title_of(end.row) : "The zone failed");
        page_element(&page, "h1", text_of(refused ? title_of(end.row) : "The zone failed"));
        page_notice(&page, "bad", why);
        if (end.row == REFUSAL_CLIENT || end.row == REFUSAL_REDIRECT_URI)
                page_raw(&page, "<p>Nothing was sent to the application, because where it wants the answer sent cannot be trusted. "
                                "Close this page and start again from the application; if it happens again, show its maker this page.</p>");
        page_raw(&page, "<div class=\"foot\"><span>");
        page_str(&page, info->code);
        page_raw(&page, "</span><span class=\"id\">");
        page_text(&page, r->event.id);
        page_raw(&page, "</span></div>");
        answer_html(r, status, page_close(&page));
}
