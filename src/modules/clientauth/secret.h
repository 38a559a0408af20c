/* secret.h - what client_secret_basic and client_secret_post share: one comparison against the ledger's digest. */
#ifndef CARNET_MODULES_CLIENTAUTH_SECRET_H
#define CARNET_MODULES_CLIENTAUTH_SECRET_H
#include "core/client.h"

/* Sets *same when `secret` is the one that was generated for the application. Costs the same for unknown ones. */
MUST_USE Outcome secret_check(Request *r, const Application *application, Text secret, bool *same);
Outcome secret_refused(Request *r); /* one sentence for every cause: never which half was wrong */
Outcome secret_prove(Request *r, Text id, Text secret, const char *method, Client *out);
#endif
