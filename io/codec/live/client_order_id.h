/* client_order_id.h: the name under which the broker knows an order of ours.
 *
 * "ats1-ACCOUNT-RUN-ORDER": account and order in decimal, the run's key in 16 hexadecimal digits.
 * It is made of what the journal has, so that after a restart an order that the broker tells of is
 * recognised as ours, of this run or another, without any table. Alpaca takes 128 characters (older
 * notes: 48) and each id once, for ever: sending an order again under its id is safe. Hot: no
 * allocation.
 */
#ifndef ATS_IO_CODEC_LIVE_CLIENT_ORDER_ID_H
#define ATS_IO_CODEC_LIVE_CLIENT_ORDER_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATS_CLIENT_ORDER_ID_BYTES 56u /* 5 + 10 + 1 + 16 + 1 + 20, and a NUL; 3 to spare */

typedef struct ats_client_order_id {
    uint64_t run; /* key of a run: a hash of its run_id */
    uint64_t order_id;
    uint32_t account_id;
    uint32_t reserved;
} ats_client_order_id;

/* Returns the length, without the NUL. */
size_t ats_client_order_id_print(const ats_client_order_id *id,
                                 char out[ATS_CLIENT_ORDER_ID_BYTES]);

/* False: it is none of ours, or not in the one form that print gives. */
bool ats_client_order_id_parse(const char *text, size_t length, ats_client_order_id *out);

#endif
