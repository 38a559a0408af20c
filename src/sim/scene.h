/* scene.h - scenes: text that a security person can read and the engine can play.
 *
 * knows        the words of tests/scenes/README.md
 * lifetime     of the caller's arena
 * errors       `problem`: "file.scene:12: …", for an unknown word, an unmet expectation or a broken invariant
 *
 * Every scene plays twice, with all needs answered at once and with all needs parked: answers and events must be
 * byte-identical. scene_torture() plays it again and again with trouble at need 1, 2, 3 … and checks the invariants only.
 */
#ifndef CARNET_SIM_SCENE_H
#define CARNET_SIM_SCENE_H
#include "sim/world.h"

typedef struct SceneResult {
        bool good;
        unsigned checks;     /* expectations held */
        unsigned runs;       /* of torture */
        Text problem;
} SceneResult;

SceneResult scene_play(Arena *arena, const SimKeys *keys, const char *file);
/* `stride`: trouble at every stride-th need; 1 is all of them. */
SceneResult scene_torture(Arena *arena, const SimKeys *keys, const char *file, unsigned stride);
#endif
