/* config.h - the process's one configuration file, and the flags that override it (config.def). */
#ifndef CARNET_MAIN_CONFIG_H
#define CARNET_MAIN_CONFIG_H
#include "base/text.h"

typedef Text ConfigTEXT;
typedef Texts ConfigLIST;
typedef int64_t ConfigINT;
typedef bool ConfigBOOL;

typedef struct Config {
#define CONFIG(key, flag, type, otherwise, help) Config##type key;
#include "main/config.def"
#undef CONFIG
} Config;

/* argv of carnetd. Refused row 0 with a sentence that names the file and line, or the option; *exit_now after --help, --version. */
MUST_USE Outcome config_read(Arena *arena, int argc, char **argv, Config *out, bool *exit_now);
#endif
