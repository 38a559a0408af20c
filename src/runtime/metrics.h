/* metrics.h - counters, gauges and histograms in static tables, one set of cells per loop; Prometheus text out.
 *
 * knows        rows and their label values, both fixed at compile time: no stranger can make a new series
 * threads      metrics_add/set/observe: the loop whose index is given (one writer per cell, no locks); metrics_print [any thread]
 *              adds the loops up. Other threads get an index of their own: lanes = loops + threads that count
 */
#ifndef CARNET_RUNTIME_METRICS_H
#define CARNET_RUNTIME_METRICS_H
#include "base/buf.h"

typedef enum MetricKind { METRIC_COUNTER = 1, METRIC_GAUGE, METRIC_SECONDS /* histogram, observed in microseconds */ } MetricKind;

typedef struct MetricRow {
        const char *name, *help;
        MetricKind kind;
        const char *label;          /* NULL: no label */
        const char *const *values;  /* NULL-ended; label values by index */
} MetricRow;

typedef struct Metrics Metrics;

Metrics *metrics_new(const MetricRow *rows, size_t n, unsigned lanes); /* NULL without memory. NULL as metrics is silence */
void metrics_free(Metrics *metrics);
void metrics_add(Metrics *metrics, unsigned lane, unsigned row, unsigned value, uint64_t by);
void metrics_set(Metrics *metrics, unsigned lane, unsigned row, unsigned value, uint64_t to); /* gauges: lanes are added up */
void metrics_observe(Metrics *metrics, unsigned lane, unsigned row, unsigned value, uint64_t us);
void metrics_print(const Metrics *metrics, Buf *out);

/* The HTTP server's own table, for HttpServerConfig.metrics. */
extern const MetricRow http_metric_rows[];
extern const size_t http_metric_row_count;
#endif
