#include "core/refusal.h"

static const RefusalInfo rows[REFUSAL_COUNT] = {
#define REFUSAL(name, status, code, sentence) [REFUSAL_##name] = {#name, status, code, sentence},
#include "core/refusals.def"
#undef REFUSAL
};

const RefusalInfo *refusal_info(int row) {
        if (row == REFUSAL_NONE)
                return &rows[REFUSAL_MALFORMED];
        return row > 0 && row < REFUSAL_COUNT ? &rows[row] : &rows[REFUSAL_FAULT];
}
