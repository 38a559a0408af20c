/* publish.h - the zones as they stand: built off the loops, swapped whole, counted.
 *
 * knows        zone documents of the ledger, the zones' signing keys
 * lifetime     a hold keeps a snapshot, its zones, policies and public keys until its release
 * threads      hold and release from any loop; check and publish on a worker or before the loops run
 */
#ifndef CARNET_MAIN_PUBLISH_H
#define CARNET_MAIN_PUBLISH_H
#include "main/server.h"

/* Keys of one zone: every one that still verifies, and the one of each algorithm that signs. */
typedef struct ZoneKeys {
        JwkSet *verify;
        Text kid[ALGORITHM_COUNT];     /* "" when the zone has none of that algorithm */
        Jwk *signer[ALGORITHM_COUNT];  /* public half */
        Text json;                     /* the JWKS document */
} ZoneKeys;

MUST_USE Outcome publisher_new(Server *server, Publisher **out);
void publisher_free(Publisher *publisher);
/* Reads every zone of the ledger, makes the configured one when it is not there, publishes. Before the loops run. */
MUST_USE Outcome publisher_start(Publisher *publisher);
const Snapshot *publisher_hold(Publisher *publisher);
void publisher_release(Publisher *publisher, const Snapshot *snapshot);
const ZoneKeys *publisher_keys(const Snapshot *snapshot, const Zone *zone);
/* Builds `document` for the zone; `swap`: publishes it as `version`. *answer: JSON as need_publish() says. */
MUST_USE Outcome publisher_apply(Publisher *publisher, Arena *arena, Text zone, Text document, bool swap, Text *answer);
MUST_USE Outcome publisher_rotate(Publisher *publisher, Arena *arena, Text zone, Text algorithm, Text *kid);
#endif
