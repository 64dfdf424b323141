#include "core/data_fault.h"

#include <assert.h>

static const struct {
    const char *label, *what;
    uint8_t action[ATS_DATA_MODE_COUNT];
} FAULTS[] = {
#define ROW(name, label, what, lenient, strict) {label, what, {ATS_DATA_PASS, lenient, strict}},
    ATS_DATA_FAULTS(ROW)
#undef ROW
};
static_assert(sizeof FAULTS / sizeof FAULTS[0] == ATS_DATA_FAULT_COUNT, "a row a fault");

static const char *const MODES[] = {"off", "lenient", "strict"};
static_assert(sizeof MODES / sizeof MODES[0] == ATS_DATA_MODE_COUNT, "a label a mode");

static const char *const ACTIONS[] = {"pass", "drop", "quarantine", "drop, quarantine"};

const char *ats_data_fault_label(uint32_t fault)
{
    return fault < ATS_DATA_FAULT_COUNT ? FAULTS[fault].label : "?";
}

const char *ats_data_fault_what(uint32_t fault)
{
    assert(fault < ATS_DATA_FAULT_COUNT);
    return FAULTS[fault].what;
}

uint32_t ats_data_fault_action(uint32_t fault, ats_data_mode mode)
{
    assert(fault < ATS_DATA_FAULT_COUNT && mode < ATS_DATA_MODE_COUNT);
    return FAULTS[fault].action[mode];
}

const char *ats_data_mode_label(uint32_t mode)
{
    return mode < ATS_DATA_MODE_COUNT ? MODES[mode] : "?";
}

const char *ats_data_action_label(uint32_t action)
{
    return action < sizeof ACTIONS / sizeof ACTIONS[0] ? ACTIONS[action] : "?";
}
