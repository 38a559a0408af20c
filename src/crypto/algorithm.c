#include "crypto/algorithm.h"

static const struct {
        const char *name, *kty, *crv;
} algorithms[ALGORITHM_COUNT] = {
        [ALGORITHM_NONE] = {"", "", ""},
#define ALGORITHM(id, name, kty, crv) [ALGORITHM_##id] = {name, kty, crv},
#include "crypto/algorithms.def"
#undef ALGORITHM
};

Algorithm algorithm_named(Text name) {
        for (Algorithm a = ALGORITHM_NONE + 1; a < ALGORITHM_COUNT; a++)
                if (text_is(name, algorithms[a].name))
                        return a;
        return text_is(name, "Ed25519") ? ALGORITHM_EDDSA : ALGORITHM_NONE;
}

const char *algorithm_name(Algorithm a) { return algorithms[a < ALGORITHM_COUNT ? a : 0].name; }
const char *algorithm_kty(Algorithm a) { return algorithms[a < ALGORITHM_COUNT ? a : 0].kty; }
const char *algorithm_crv(Algorithm a) { return algorithms[a < ALGORITHM_COUNT ? a : 0].crv; }
