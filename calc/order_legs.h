/* order_legs.h: the legs of a bracket, OCO or OTO order, as orders. Pure; any thread.
 *
 * A leg is for the head's whole quantity, of the other side (OCO: of the same), DAY when the head
 * is and GTC otherwise (what protects a position must outlive an IOC entry), reduce-only; the
 * stop leg is protective, too. The target leg may trade outside the regular session when the head
 * may; stops never do.
 */
#ifndef ATS_CALC_ORDER_LEGS_H
#define ATS_CALC_ORDER_LEGS_H

#include "core/record.h"

#include <stdbool.h>

#define ATS_LEGS_MAX 2u

/* Fills in the head's legs, target before stop; their order_id is the head's plus ATS_LEG_*, which
 * is also `leg` of an order table. How many there are: 0 for a simple
 * order and for a head that lacks a price its class wants. */
uint32_t ats_order_legs(const ats_order *head, ats_order legs[ATS_LEGS_MAX]);

/* ATS_LEG_* of the i-th of them. */
static inline uint8_t ats_order_leg_role(const ats_order *head, const ats_order *leg)
{
    return (uint8_t)(leg->order_id - head->order_id);
}

#endif
