#include "runtime/metrics.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* Upper bounds in microseconds; the last bucket has none. */
static const uint64_t bounds[] = {50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 10000000};
#define BUCKETS (ARRAY_LEN(bounds) + 1)
#define HISTOGRAM_CELLS (BUCKETS + 1) /* and the sum */

typedef _Atomic uint64_t Cell;

struct Metrics {
        const MetricRow *rows;
        size_t n, cells;
        unsigned lanes;
        size_t *first;  /* per row: its first cell in a lane */
        unsigned *many; /* per row: its label values */
        Cell *at;
};

static unsigned values_of(const MetricRow *row) {
        unsigned n = 0;
        while (row->values && row->values[n])
                n++;
        return row->values ? n : 1;
}

static size_t width(const MetricRow *row) { return row->kind == METRIC_SECONDS ? HISTOGRAM_CELLS : 1; }

Metrics *metrics_new(const MetricRow *rows, size_t n, unsigned lanes) {
        Metrics *m = calloc(1, sizeof *m);
        if (!m)
                return NULL;
        *m = (Metrics){.rows = rows, .n = n, .lanes = lanes, .first = calloc(n + 1, sizeof *m->first), .many = calloc(n + 1, sizeof *m->many)};
        for (size_t i = 0; m->first && m->many && i < n; i++) {
                m->first[i] = m->cells;
                m->many[i] = values_of(&rows[i]);
                m->cells += m->many[i] * width(&rows[i]);
        }
        m->cells = (m->cells + 7) & ~(size_t)7; /* lanes on cache lines of their own */
        m->at = calloc(m->cells * lanes + 1, sizeof *m->at);
        if (m->first && m->many && m->at)
                return m;
        metrics_free(m);
        return NULL;
}

void metrics_free(Metrics *m) {
        if (!m)
                return;
        free(m->first);
        free(m->many);
        free(m->at);
        free(m);
}

static Cell *cell(Metrics *m, unsigned lane, unsigned row, unsigned value) {
        if (!m || lane >= m->lanes || row >= m->n || value >= m->many[row])
                return NULL;
        return &m->at[lane * m->cells + m->first[row] + value * width(&m->rows[row])];
}

/* One writer per cell: a load and a store, no locked instruction. */
static void bump(Cell *c, uint64_t by) {
        atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + by, memory_order_relaxed);
}

void metrics_add(Metrics *m, unsigned lane, unsigned row, unsigned value, uint64_t by) {
        Cell *c = cell(m, lane, row, value);
        if (c)
                bump(c, by);
}

void metrics_set(Metrics *m, unsigned lane, unsigned row, unsigned value, uint64_t to) {
        Cell *c = cell(m, lane, row, value);
        if (c)
                atomic_store_explicit(c, to, memory_order_relaxed);
}

void metrics_observe(Metrics *m, unsigned lane, unsigned row, unsigned value, uint64_t us) {
        Cell *c = cell(m, lane, row, value);
        if (!c || m->rows[row].kind != METRIC_SECONDS)
                return;
        size_t i = 0;
        while (i < ARRAY_LEN(bounds) && us > bounds[i])
                i++;
        bump(&c[i], 1);
        bump(&c[BUCKETS], us);
}

static uint64_t total(const Metrics *m, unsigned row, unsigned value, size_t at) {
        uint64_t sum = 0;
        for (unsigned lane = 0; lane < m->lanes; lane++)
                sum += atomic_load_explicit(cell((Metrics *)m, lane, row, value) + at, memory_order_relaxed);
        return sum;
}

static void labels(const MetricRow *row, unsigned value, const char *le, Buf *out) {
        if (!row->label && !le)
                return;
        buf_char(out, '{');
        if (row->label)
                buf_print(out, "%s=\"%s\"%s", row->label, row->values[value], le ? "," : "");
        if (le)
                buf_print(out, "le=\"%s\"", le);
        buf_char(out, '}');
}

static void sample(const MetricRow *row, const char *suffix, unsigned value, const char *le, Buf *out) {
        buf_str(out, row->name);
        buf_str(out, suffix);
        labels(row, value, le, out);
        buf_char(out, ' ');
}

static void print_histogram(const Metrics *m, unsigned row, unsigned value, Buf *out) {
        const MetricRow *r = &m->rows[row];
        uint64_t count = 0;
        for (size_t i = 0; i < BUCKETS; i++) {
                char le[32] = "+Inf";
                if (i < ARRAY_LEN(bounds))
                        snprintf(le, sizeof le, "%g", (double)bounds[i] / 1e6);
                count += total(m, row, value, i);
                sample(r, "_bucket", value, le, out);
                buf_print(out, "%llu\n", (unsigned long long)count);
        }
        sample(r, "_sum", value, NULL, out);
        buf_print(out, "%.6f\n", (double)total(m, row, value, BUCKETS) / 1e6);
        sample(r, "_count", value, NULL, out);
        buf_print(out, "%llu\n", (unsigned long long)count);
}

static void print_value(const Metrics *m, unsigned row, unsigned value, Buf *out) {
        if (m->rows[row].kind == METRIC_SECONDS) {
                print_histogram(m, row, value, out);
                return;
        }
        sample(&m->rows[row], "", value, NULL, out);
        buf_print(out, "%llu\n", (unsigned long long)total(m, row, value, 0));
}

void metrics_print(const Metrics *m, Buf *out) {
        static const char *const kinds[] = {[METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_SECONDS] = "histogram"};
        for (unsigned row = 0; m && row < m->n; row++) {
                const MetricRow *r = &m->rows[row];
                buf_print(out, "# HELP %s %s\n# TYPE %s %s\n", r->name, r->help, r->name, kinds[r->kind]);
                for (unsigned value = 0; value < m->many[row]; value++)
                        print_value(m, row, value, out);
        }
}
