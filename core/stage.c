#include "core/stage.h"

bool ats_io_room_slow(ats_io *io, ats_tx *tx, uint64_t n)
{
    uint64_t now_ns = ats_clock_now(io->clock);
    if (!ats_tx_room(tx, n)) {
        if (tx->stall_since_ns == 0) {
            tx->stall_since_ns = now_ns;
            ats_count(&tx->stalls, 1);
        }
        io->blocked = true;
        return false;
    }
    if (tx->stall_since_ns != 0) {
        ats_count(&tx->stall_ns, now_ns - tx->stall_since_ns);
        tx->stall_since_ns = 0;
    }
    return true;
}
