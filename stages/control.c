#include "stages/control.h"

#include "core/error.h"

#include <string.h>

struct ats_control_inbox {
    ats_tx tx; /* of the sender that holds the lock */
    ats_rx rx; /* of feed */
    pthread_mutex_t senders;
};

static size_t ring_offset(void)
{
    return (sizeof(ats_control_inbox) + ATS_GUARD_BYTES - 1) & ~(size_t)(ATS_GUARD_BYTES - 1);
}

size_t ats_control_inbox_footprint(void)
{
    return ring_offset() + ats_ring_footprint(ATS_CONTROL_WAITING_MAX, sizeof(ats_control));
}

ats_control_inbox *ats_control_inbox_new(void *memory)
{
    ats_control_inbox *inbox = memory;
    ats_ring *ring = ats_ring_new((uint8_t *)memory + ring_offset(), ATS_CONTROL_WAITING_MAX,
                                  sizeof(ats_control));
    ats_tx_open(&inbox->tx, ring);
    ats_rx_open(&inbox->rx, ring);
    pthread_mutex_init(&inbox->senders, NULL);
    return inbox;
}

int ats_control_send(ats_control_inbox *inbox, const ats_control *command)
{
    pthread_mutex_lock(&inbox->senders);
    bool room = ats_tx_room(&inbox->tx, 1);
    if (room) {
        memcpy(ats_tx_stage(&inbox->tx), command, sizeof *command);
        ats_tx_publish(&inbox->tx);
    }
    pthread_mutex_unlock(&inbox->senders);
    return room ? 0
                : ats_error(ATS_EXIT_FAILED, "control: %u commands wait and none is taken",
                            ATS_CONTROL_WAITING_MAX);
}

const ats_control *ats_control_peek(ats_control_inbox *inbox)
{
    return ats_rx_peek(&inbox->rx) ? ats_rx_slot(&inbox->rx, 0) : NULL;
}

void ats_control_pop(ats_control_inbox *inbox)
{
    ats_rx_release(&inbox->rx, 1);
}
