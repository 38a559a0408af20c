/* client_auth.c - exactly one way to prove oneself a request (RFC 6749 2.3); none at all is a failed one. */
#include "core/client.h"

#define CLIENT_AUTH(name) extern const ClientAuth client_auth_##name;
#include "core/clientauth.def"
#undef CLIENT_AUTH

static const ClientAuth *const methods[] = {
#define CLIENT_AUTH(name) &client_auth_##name,
#include "core/clientauth.def"
#undef CLIENT_AUTH
};

Outcome client_authenticate(Request *r, Client *out) {
        const ClientAuth *method = NULL;
        for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
                if (!methods[i]->present(r))
                        continue;
                ENSURE(!method, refuse(r, REFUSAL_CLIENT, "send one kind of client authentication, not several"));
                method = methods[i];
        }
        ENSURE(method, refuse(r, REFUSAL_CLIENT, "client authentication is missing"));
        *out = (Client){0};
        TRY(method->prove(r, out));
        ENSURE(out->application && !out->application->disabled, refuse(r, REFUSAL_CLIENT, "client authentication failed"));
        return outcome_good();
}
