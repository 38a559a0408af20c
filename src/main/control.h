/* control.h - what a management request may ask of the process itself, answered at once (NEED_CONTROL). */
#ifndef CARNET_MAIN_CONTROL_H
#define CARNET_MAIN_CONTROL_H
#include "core/request.h"
#include "main/server.h"

/* "run-key" {"application","jwk"}: until the request's connection closes. "limit" NUMBER KEY -> allowed
 * or refused: counts one try, at most NUMBER a minute; with 0 takes one back. "admin-uid": the uid that administers. */
MUST_USE Outcome control_now(Server *server, Request *r, Text verb, Text json, Text *out);
#endif
