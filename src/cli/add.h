/* add.h - in a zone to play with, a server that is not registered yet can be added by answering one question. */
#ifndef CARNET_CLI_ADD_H
#define CARNET_CLI_ADD_H
#include "cli/cli.h"

/* Asks on the terminal, writes the zone file (./zone.yaml) and applies it. False when this is no dev zone, there is no
 * terminal or no zone file, or the answer is no: then nothing was changed. */
bool add_application(Cli *cli, const char *slug);
#endif
