/* sign_in.h - signing a person in from the command line, as any client does: discovery, registration, code with PKCE, a
 * loopback redirect (RFC 8252). What comes back lives in memory only. */
#ifndef CARNET_CLI_SIGN_IN_H
#define CARNET_CLI_SIGN_IN_H
#include "cli/cli.h"

typedef struct SignIn {
        Cli *cli;
        Text resource;               /* what the token is for */
        Text issuer;                 /* "" finds it in the resource's metadata */
        Text client_id;              /* "" registers dynamically */
        Text scope;                  /* "" asks for none */
        Text token;                  /* the answer */
        int64_t expires_in;
        /* its own */
        Text authorize, token_endpoint, registration, redirect, verifier, state, code;
        int listener;
} SignIn;

int sign_in(SignIn *s); /* exit status; the reason is on stderr */
#endif
