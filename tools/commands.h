/* commands.h: one name a command; the table is in tools/ats.c. */
#ifndef ATS_TOOLS_COMMANDS_H
#define ATS_TOOLS_COMMANDS_H

#include "tools/cli.h"

extern const ats_command ats_command_import;
extern const ats_command ats_command_synth;
extern const ats_command ats_command_capture;
extern const ats_command ats_command_calendar;
extern const ats_command ats_command_decode;
extern const ats_command ats_command_train;
extern const ats_command ats_command_features;
extern const ats_command ats_command_models;
extern const ats_command ats_command_replay;
extern const ats_command ats_command_backtest;
extern const ats_command ats_command_new_strategy;
extern const ats_command ats_command_why;
extern const ats_command ats_command_rearm;
extern const ats_command ats_command_covariance;
extern const ats_command ats_command_venue;
extern const ats_command ats_command_config;
extern const ats_command ats_command_doctor;
extern const ats_command ats_command_report;
extern const ats_command ats_command_bench;

#endif
