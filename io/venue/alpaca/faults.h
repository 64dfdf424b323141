/* faults.h: what goes wrong at a venue, by script, so that a client can be proven against it.
 *
 * A script is text, a fault a line; # begins a comment:
 *
 *     CHANNEL WHICH FAULT [ARGUMENT]
 *
 * CHANNEL   request (every REST call), orders (POST, PATCH and DELETE), updates (messages of the
 *           stream of order updates), data (messages of the market data stream)
 * WHICH     3: the third of the channel, counted over all connections; every 10; from 5
 * FAULT     of request, orders:
 *             status 429     it is not done, and answered so
 *             swallow        it is done, and the connection ends without an answer
 *             late 2s        it is done, and answered so much later
 *             cut 30         it is done; the connection ends after so many bytes of the answer
 *             garbage        it is done; the answer is no HTTP
 *           of updates, data:
 *             drop           it is not sent
 *             twice          it is sent twice
 *             swap           it is sent after the next one
 *             garbage        bytes that are no message are sent in its place
 *             cut            the connection ends instead
 *             mute 5s        neither it nor what follows within that time is sent
 *             silent         from now on nothing is sent or read on this connection, which stays:
 * it is half-open
 *
 * Of a channel's faults that meet on one message the first in the script is made. Cold.
 */
#ifndef ATS_IO_VENUE_ALPACA_FAULTS_H
#define ATS_IO_VENUE_ALPACA_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATS_VENUE_FAULTS_MAX 256u

typedef enum ats_fault_channel {
    ATS_FAULT_REQUEST = 0,
    ATS_FAULT_ORDERS = 1,
    ATS_FAULT_UPDATES = 2,
    ATS_FAULT_DATA = 3,
    ATS_FAULT_CHANNELS
} ats_fault_channel;

typedef enum ats_fault_kind {
    ATS_FAULT_NONE = 0,
    ATS_FAULT_STATUS,
    ATS_FAULT_SWALLOW,
    ATS_FAULT_LATE,
    ATS_FAULT_CUT,
    ATS_FAULT_GARBAGE,
    ATS_FAULT_DROP,
    ATS_FAULT_TWICE,
    ATS_FAULT_SWAP,
    ATS_FAULT_MUTE,
    ATS_FAULT_SILENT
} ats_fault_kind;

typedef struct ats_venue_fault {
    uint8_t channel; /* ats_fault_channel */
    uint8_t kind;    /* ats_fault_kind */
    uint8_t when;    /* '=' the number-th, '/' each number-th, '>' the number-th and all after */
    uint8_t reserved[5];
    uint64_t number;
    int64_t argument; /* a status, bytes, or ns */
} ats_venue_fault;

typedef struct ats_venue_faults {
    ats_venue_fault fault[ATS_VENUE_FAULTS_MAX];
    uint32_t count;
    uint64_t seen[ATS_FAULT_CHANNELS];
    uint64_t made;
} ats_venue_faults;

/* 0, or -1 with an error pushed that names the line: `name` is the script's, for messages. */
int ats_venue_faults_parse(ats_venue_faults *out, const char *text, size_t bytes, const char *name);
int ats_venue_faults_load(ats_venue_faults *out, const char *path);

/* One more of a channel: what is to go wrong with it; kind ATS_FAULT_NONE: nothing. */
ats_venue_fault ats_venue_faults_next(ats_venue_faults *faults, ats_fault_channel channel);

#endif
