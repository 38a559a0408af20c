/* connect.h - sending a user to an upstream service to connect an account (modules/connect does it). */
#ifndef CARNET_CORE_CONNECT_H
#define CARNET_CORE_CONNECT_H
#include "core/browser.h"

/* Begins a connection: *location is the upstream's authorization endpoint with PKCE and a one-use state that is bound to
 * this browser. `back` is where the browser goes on afterwards: a path of ours below the issuer, with its query. */
MUST_USE Outcome connect_begin(Request *r, const Browser *browser, const Provider *provider, Text back, Text *location);
#endif
