/* refusal.h - the rows of refusals.def. Row 0 (REFUSAL_NONE) is what ground code says: malformed. */
#ifndef CARNET_CORE_REFUSAL_H
#define CARNET_CORE_REFUSAL_H

typedef enum RefusalRow {
        REFUSAL_NONE,
#define REFUSAL(name, status, code, sentence) REFUSAL_##name,
#include "core/refusals.def"
#undef REFUSAL
        REFUSAL_COUNT
} RefusalRow;

typedef struct RefusalInfo {
        const char *name;
        int status;
        const char *code, *sentence;
} RefusalInfo;

const RefusalInfo *refusal_info(int row); /* an unknown row is FAULT's; row 0 is MALFORMED's */
#endif
