#include "main/sweep.h"
#include "core/engine.h"
#include "core/flows.h"
#include <stdlib.h>
#include <time.h>

#define LOOK_MS 500
#define AGAIN_LOOKS 20        /* every so often from the beginning: what failed is tried again */
#define BACK_SECONDS (24 * 3600)
#define PAGE 64

/* Looks for new cuts and works them off one after the other. */
struct Sweep {
        Server *server;
        Loop *loop;
        RealWorld *world;
        LoopTimer *timer;
        unsigned looks;
        size_t zone;          /* of the snapshot's, in turn */
        int64_t after[64];    /* cursor by zone's place */
        Arena *arena;         /* of the page at hand */
        Rows page;
        size_t at;
        const Snapshot *snapshot;
        Request *request;
};

static void next_cut(Sweep *s);

static void page_end(Sweep *s) {
        if (s->snapshot)
                publisher_release(s->server->publisher, s->snapshot);
        s->snapshot = NULL;
        arena_free(s->arena);
        s->arena = NULL;
}

/* The request frees itself after it was done; the next cut comes from the loop, so that the stack stays flat. */
static void cut_done(void *arg) {
        Sweep *s = arg;
        request_free(s->request);
        s->request = NULL;
        next_cut(s);
}

static void request_done(Request *r, void *arg) {
        Sweep *s = arg;
        (void)r;
        if (!loop_after(s->loop, 0, cut_done, s)) {
                /* without memory for a timer: this page ends here, the next look begins anew */
                page_end(s);
        }
}

static void next_cut(Sweep *s) {
        if (s->at == s->page.n) {
                page_end(s);
                return;
        }
        size_t i = s->at++;
        s->after[s->zone] = rows_int(&s->page, i, 0);
        s->request = request_new(real_world_core(s->world), s->snapshot, s->snapshot->zones[s->zone], &flow_lease_end);
        Param *form = s->request ? arena_array(s->request->arena, Param, 2) : NULL;
        if (!form) {
                request_free(s->request);
                s->request = NULL;
                page_end(s);
                return;
        }
        form[0] = (Param){TEXT("kind"), text_copy(s->request->arena, rows_text(&s->page, i, 1))};
        form[1] = (Param){TEXT("id"), text_copy(s->request->arena, rows_text(&s->page, i, 2))};
        s->request->in.form = (Params){form, 2};
        request_start(s->request, request_done, s);
}

static bool cursor_first(Sweep *s, Text zone) {
        Rows rows;
        const Value params[] = {value_text(zone), value_int(time(NULL) - BACK_SECONDS)};
        if (!outcome_ok(real_world_read(s->world, READ_cuts_since, params, ARRAY_LEN(params), s->arena, &rows)))
                return false;
        s->after[s->zone] = rows.n ? rows_int(&rows, 0, 0) : 0;
        return true;
}

static void look(void *arg) {
        Sweep *s = arg;
        if (s->arena || loop_stopping(s->loop))
                return; /* still at the last page */
        s->arena = arena_new(1 << 20);
        s->snapshot = publisher_hold(s->server->publisher);
        bool again = s->looks++ % AGAIN_LOOKS == 0;
        s->zone = s->snapshot->n ? s->looks % s->snapshot->n : 0;
        if (!s->arena || s->zone >= ARRAY_LEN(s->after) || !s->snapshot->n) {
                page_end(s);
                return;
        }
        Text zone = s->snapshot->zones[s->zone]->slug;
        if (again && !cursor_first(s, zone)) {
                page_end(s);
                return;
        }
        const Value params[] = {value_text(zone), value_int(s->after[s->zone]), value_int(PAGE)};
        s->at = 0;
        s->page = (Rows){0};
        if (!outcome_ok(real_world_read(s->world, READ_cuts_after, params, ARRAY_LEN(params), s->arena, &s->page))) {
                page_end(s);
                return;
        }
        next_cut(s);
}

static void end(void *arg) {
        Sweep *s = arg;
        loop_timer_cancel(s->timer);
        s->timer = NULL;
        if (s->request) {
                request_abandon(s->request);
                request_free(s->request);
                s->request = NULL;
        }
        page_end(s);
}

Outcome sweep_new(Server *server, Loop *loop, RealWorld *world, Sweep **out) {
        Sweep *s = calloc(1, sizeof *s);
        ENSURE(s, outcome_fault("memory"));
        *s = (Sweep){.server = server, .loop = loop, .world = world};
        *out = s;
        s->timer = loop_every(loop, LOOK_MS, look, s);
        ENSURE(s->timer, outcome_fault("memory"));
        return loop_on_end(loop, end, s);
}

void sweep_free(Sweep *sweep) { free(sweep); }
