/* browser.h - a user's browser in a scene: keeps cookies, fills forms, presses buttons, follows the zone's own redirects. */
#ifndef CARNET_SIM_BROWSER_H
#define CARNET_SIM_BROWSER_H
#include "sim/world.h"

typedef struct Browser {
        Text cookie, pre_cookie;
} Browser;

typedef struct BrowserAnswer {
        bool arrived;      /* at a redirect that leaves the zone */
        Text location;
        int status;        /* of a page where it stopped */
        Text page;
} BrowserAnswer;

/* Opens an authorization request and says yes to everything on the way: signs in, allows. */
BrowserAnswer browser_authorize(Sim *sim, Browser *browser, Text query, Text user, Text password, const char *action);
#endif
