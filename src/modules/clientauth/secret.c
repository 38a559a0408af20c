#include "modules/clientauth/secret.h"
#include "base/digest.h"

Outcome secret_refused(Request *r) { return refuse(r, REFUSAL_CLIENT, "client authentication failed"); }

Outcome secret_check(Request *r, const Application *application, Text secret, bool *same) {
        static const char zeros[DIGEST_SIZE];
        Rows rows;
        Text slug = application ? application->slug : TEXT_NONE;
        TRY(need_read_t(r, READ_secret_get, &rows, slug));
        Text stored = rows.n ? rows_text(&rows, 0, 0) : (Text){zeros, sizeof zeros};
        /* Generated secrets have 256 bits: a plain digest is enough, and it keeps the token endpoint free of argon2. */
        bool equal = text_same_secret(digest_bytes(r->arena, secret), stored);
        *same = equal && rows.n && application && application->has_secret && !application->disabled;
        return outcome_good();
}

Outcome secret_prove(Request *r, Text id, Text secret, const char *method, Client *out) {
        bool same;
        const Application *application = zone_application_by_identifier(r->zone, id);
        TRY(secret_check(r, application, secret, &same));
        ENSURE(same, secret_refused(r));
        *out = (Client){.application = application, .client_id = application->identifier, .method = method, .proof = PROOF_SECRET,
                        .redirect_uris = application->redirect_uris, .name = application->name};
        return outcome_good();
}
