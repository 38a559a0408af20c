/* document.h - documents of strangers, fetched over the world and kept in the ledger for a while.
 *
 * knows        freshness: at least 5 minutes, at most a day, whatever the server says; errors are never kept
 * never knows  what a document is about
 * errors       refused CLIENT when there is none; *out is unjudged bytes of at most `max`
 */
#ifndef CARNET_CORE_DOCUMENT_H
#define CARNET_CORE_DOCUMENT_H
#include "core/request.h"

typedef struct Document {
        Text body;
        bool fetched;   /* just now: keep it once it is judged good */
        int64_t fresh;  /* until when */
} Document;

MUST_USE Outcome document_read(Request *r, Text purpose, Text url, size_t max, Document *out);
void document_keep(Request *r, Text url, const Document *document);
#endif
