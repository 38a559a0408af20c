/* secret_basic.c - HTTP Basic (RFC 6749 2.3.1). Published SDKs send id and secret raw, others form-encode them: the raw
 * form is tried first, then the decoded one where it differs. */
#include "modules/clientauth/secret.h"

static bool secret_basic_present(const Request *r) { return r->in.has_basic; }

static Outcome secret_basic_prove(Request *r, Client *out) {
        ENSURE(!r->in.basic_broken, secret_refused(r));
        Text named = in_form(r, "client_id");
        ENSURE(!named.len || text_equal(named, r->in.basic_id) || text_equal(named, r->in.basic_id_form), secret_refused(r));
        bool same_form = text_equal(r->in.basic_id, r->in.basic_id_form) && text_equal(r->in.basic_secret, r->in.basic_secret_form);
        Outcome end = secret_prove(r, r->in.basic_id, r->in.basic_secret, "client_secret_basic", out);
        if (!outcome_refused(end) || same_form || !r->in.basic_id_form.len)
                return end;
        return secret_prove(r, r->in.basic_id_form, r->in.basic_secret_form, "client_secret_basic", out);
}

const ClientAuth client_auth_secret_basic = {"client_secret_basic", secret_basic_present, secret_basic_prove};
