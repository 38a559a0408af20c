/* test-scenes.c - plays every scene file given, twice, then under torture; TAP. `--no-torture` leaves the last out, `--every=N`
 * tortures every N-th need only (for builds with sanitizers). */
#include "sim/scene.h"
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
        SimKeys keys = {0};
        unsigned n = 0, bad = 0, tests = 0;
        unsigned stride = 1;
        bool torture = true;
        if (!outcome_ok(jwk_generate(ALGORITHM_EDDSA, &keys.zone)) || !outcome_ok(jwk_generate(ALGORITHM_EDDSA, &keys.agents)))
                return 1;
        for (int i = 1; i < argc; i++) {
                torture &= strcmp(argv[i], "--no-torture") != 0;
                if (strncmp(argv[i], "--every=", 8) == 0)
                        stride = (unsigned)atoi(argv[i] + 8);
        }
        stride = stride ? stride : 1;
        for (int i = 1; i < argc; i++)
                tests += argv[i][0] != '-' ? 1 + torture : 0;
        printf("1..%u\n", tests);
        for (int i = 1; i < argc; i++) {
                if (argv[i][0] == '-')
                        continue;
                for (int hard = 0; hard <= torture; hard++) {
                        Arena *arena = arena_new((size_t)1 << 30);
                        SceneResult result = hard ? scene_torture(arena, &keys, argv[i], stride) : scene_play(arena, &keys, argv[i]);
                        const char *name = strrchr(argv[i], '/') ? strrchr(argv[i], '/') + 1 : argv[i];
                        printf("%s %u - %s %s\n", result.good ? "ok" : "not ok", ++n, name, hard ? "under torture" : "as written");
                        printf("# %u %s\n", hard ? result.runs : result.checks, hard ? "runs" : "expectations");
                        if (!result.good)
                                printf("# %.*s\n", TEXT_ARG(result.problem));
                        bad += !result.good;
                        arena_free(arena);
                }
        }
        jwk_unref(keys.zone);
        jwk_unref(keys.agents);
        return bad || !n ? 1 : 0;
}
