#include "calc/order_legs.h"

static ats_order leg_of(const ats_order *head, uint32_t role)
{
    ats_order leg = *head;
    leg.order_id = head->order_id + role;
    leg.target_order_id = 0;
    leg.action = ATS_INTENT_NEW;
    leg.order_class = ATS_ORDER_CLASS_SIMPLE;
    leg.tif = head->tif == ATS_TIF_DAY ? ATS_TIF_DAY : ATS_TIF_GTC;
    if (head->order_class != ATS_ORDER_CLASS_OCO)
        leg.side = head->side == ATS_SIDE_BUY ? ATS_SIDE_SELL : ATS_SIDE_BUY;
    leg.limit_e9 = leg.stop_e9 = leg.trail_e9 = 0;
    leg.target_e9 = leg.stop_leg_e9 = leg.stop_leg_limit_e9 = 0;
    leg.intent_flags = ATS_INTENT_REDUCE_ONLY;
    if (role == ATS_LEG_TARGET) {
        leg.type = ATS_ORDER_LIMIT;
        leg.limit_e9 = head->target_e9;
        leg.reason = ATS_REASON_EXIT_TARGET;
        leg.intent_flags |= head->intent_flags & ATS_INTENT_EXTENDED;
    } else {
        leg.type = head->stop_leg_limit_e9 > 0 ? ATS_ORDER_STOP_LIMIT : ATS_ORDER_STOP;
        leg.stop_e9 = head->stop_leg_e9;
        leg.limit_e9 = head->stop_leg_limit_e9;
        leg.reason = ATS_REASON_EXIT_STOP;
        leg.intent_flags |= ATS_INTENT_PROTECTIVE;
    }
    return leg;
}

uint32_t ats_order_legs(const ats_order *head, ats_order legs[ATS_LEGS_MAX])
{
    bool target = head->target_e9 > 0, stop = head->stop_leg_e9 > 0;
    switch (head->order_class) {
    case ATS_ORDER_CLASS_BRACKET:
        if (!target || !stop)
            return 0;
        legs[0] = leg_of(head, ATS_LEG_TARGET);
        legs[1] = leg_of(head, ATS_LEG_STOP);
        return 2;
    case ATS_ORDER_CLASS_OCO:
        if (!stop)
            return 0;
        legs[0] = leg_of(head, ATS_LEG_STOP);
        return 1;
    case ATS_ORDER_CLASS_OTO:
        if (target == stop)
            return 0;
        legs[0] = leg_of(head, target ? ATS_LEG_TARGET : ATS_LEG_STOP);
        return 1;
    default:
        return 0;
    }
}
