/* watch.h: which orders have waited too long.
 *
 * Two queues, of orders that await an answer and of orders that rest; each has one interval, so an
 * order that joins at the end falls due last, and both stay in order without sorting. An order is
 * in one of them or in none. Owner: the route stage. Allocates nothing.
 */
#ifndef ATS_STAGES_ROUTE_WATCH_H
#define ATS_STAGES_ROUTE_WATCH_H

#include <stddef.h>
#include <stdint.h>

typedef enum watch_queue {
    WATCH_NONE = 0,
    WATCH_ANSWER = 1,
    WATCH_REST = 2,
    WATCH_QUEUES = 3
} watch_queue;

typedef struct watched {
    int64_t due_ns;
    uint32_t next, previous; /* place + 1; 0 = none */
    uint32_t queue;          /* watch_queue */
    uint32_t reserved;
} watched;

typedef struct watch {
    watched *at;                       /* by place in the order table's pool */
    int64_t interval_ns[WATCH_QUEUES]; /* 0: nothing of the queue falls due */
    uint32_t first[WATCH_QUEUES], last[WATCH_QUEUES];
} watch;

/* Puts an order at the end of a queue (WATCH_NONE: in none), wherever it was. Times never fall. */
void watch_put(watch *w, uint32_t place, watch_queue queue, int64_t now_ns);

/* When the first of a queue falls due; INT64_MAX = never. *place is then its place. */
int64_t watch_due(const watch *w, watch_queue queue, uint32_t *place);

#endif
