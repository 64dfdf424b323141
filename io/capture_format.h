/* capture_format.h: the bytes of a capture, and the codec of one block. For io/capture_*.c only.
 *
 *   file header    64 bytes
 *   sections       each a 64-byte header and its payload, padded with zeros to 8 bytes:
 *                  SYMBOLS (entries added since the last one), RECORDS; at the end SYMBOLS (all of
 *                  them) and INDEX (ats_capture_entry[])
 *   trailer        192 bytes
 *
 * All integers little-endian. Each header carries a hash of itself, seeded with its own offset, so
 * that a length is trusted only after it is known to be what the writer wrote there; the payload's
 * hash is in the header. A file without a valid trailer is scanned section by section.
 *
 * Payload of RECORDS, before zstd:
 *
 *   u16 column_mask      bit w: word w of the 128-byte record has a column
 *   u8  context_bytes    1 or 2: width of the context column
 *   u8  event_is_recv    1: event_ns = recv_ns in all of the block, no column
 *   u32 context_count
 *   u64 context[]        symbol_id | kind << 48, in order of first use
 *   context column       which context each record belongs to
 *   per column of the mask, lowest word first:
 *     u64 scale          every difference is a multiple of it (a tick, a lot, a millisecond)
 *     u32 data_bytes
 *     u4  width[]        bytes of each difference: 0..8, first record in the low nibble
 *     u8  data[]         zigzag(difference / scale), the low `width` bytes
 *
 * A record is taken as 16 words of 8 bytes. event_seq and recv_ns are differences against the
 * record before, all others against the one before of the same context (wrapping, 0 at the start of
 * a block; recv_ns starts at the block's first_recv_ns). Words 3 and 5..7 (origin, stamps) are not
 * stored; of word 4 only sub and flags vary within a context.
 */
#ifndef ATS_IO_CAPTURE_FORMAT_H
#define ATS_IO_CAPTURE_FORMAT_H

#include "io/capture.h"

#include <xxhash.h>

#define ATS_CAPTURE_VERSION       1u
#define ATS_CAPTURE_MAGIC         0x0a50414353544189ull /* 0x89 "ATSCAP\n" */
#define ATS_CAPTURE_SECTION_MAGIC 0xb10c5ec7u
#define ATS_CAPTURE_TRAILER_MAGIC 0x0a444e4553544189ull /* 0x89 "ATSEND\n" */

typedef enum ats_capture_section_type {
    ATS_CAPTURE_SYMBOLS = 1,
    ATS_CAPTURE_RECORDS = 2,
    ATS_CAPTURE_INDEX = 3
} ats_capture_section_type;

typedef struct ats_capture_file_header {
    uint64_t magic;
    uint32_t version;
    uint32_t flags;
    uint64_t reserved[5];
    uint64_t hash; /* of all before it */
} ats_capture_file_header;

typedef struct ats_capture_section {
    uint32_t magic;
    uint16_t type;
    uint16_t kinds;         /* RECORDS: bit ats_capture_slot of what is in it */
    uint32_t payload_bytes; /* in the file, without padding */
    uint32_t raw_bytes;     /* before compression; = payload_bytes when not compressed */
    uint32_t count;         /* records, symbols or index entries */
    uint32_t first;         /* SYMBOLS: id of the first entry */
    int64_t first_recv_ns;
    int64_t last_recv_ns;
    uint64_t symbols_mask;
    uint64_t payload_hash;
    uint64_t hash; /* of all before it, seeded with the offset of this header */
} ats_capture_section;

typedef struct ats_capture_trailer {
    uint64_t magic;
    uint64_t file_bytes;
    uint64_t symbols_offset;
    uint64_t index_offset;
    uint64_t block_count;
    uint64_t records;
    int64_t first_recv_ns;
    int64_t last_recv_ns;
    uint64_t kinds[ATS_CAPTURE_SLOTS - 1];
    ats_capture_hash content;
    uint64_t controls; /* kinds[] of the last slot: files from before it hold 0 here */
    uint64_t reserved[3];
    uint64_t hash; /* of all before it */
} ats_capture_trailer;

static_assert(sizeof(ats_capture_file_header) == 64, "file layout");
static_assert(sizeof(ats_capture_section) == 64, "file layout");
static_assert(sizeof(ats_capture_entry) == 40, "file layout");
static_assert(sizeof(ats_capture_trailer) == 192, "file layout");

#define ATS_CAPTURE_WORDS 16u
/* Words that have columns: all but 3 and 5..7. */
#define ATS_CAPTURE_WORD_MASK 0xff17u
#define ATS_CAPTURE_COLUMNS   12u
#define ATS_CAPTURE_MULTIPLE  8u /* section payloads are padded to this */

/* Most bytes a block can unpack to: every record a context, every difference 8 bytes wide. */
#define ATS_CAPTURE_RAW_MAX                                                                        \
    (8u + ATS_CAPTURE_BLOCK_RECORDS * (8u + 2u) +                                                  \
     ATS_CAPTURE_COLUMNS * (12u + ATS_CAPTURE_BLOCK_RECORDS / 2 + ATS_CAPTURE_BLOCK_RECORDS * 8u))
#define ATS_CAPTURE_RAW_SLACK 8u /* the decoder loads 8 bytes at the last data byte */

static inline uint64_t ats_capture_section_hash(const ats_capture_section *s, uint64_t offset)
{
    return XXH3_64bits_withSeed(s, offsetof(ats_capture_section, hash), offset);
}

static inline uint64_t ats_capture_padded(uint64_t bytes)
{
    return (bytes + ATS_CAPTURE_MULTIPLE - 1) & ~(uint64_t)(ATS_CAPTURE_MULTIPLE - 1);
}

/* By slot. Bit w: word w of this kind of record is a price, size or other value in 1e-9 units. */
extern const uint16_t ats_capture_value_words[ATS_CAPTURE_SLOTS];

static inline bool ats_capture_value_fits(uint64_t value)
{
    return value + (uint64_t)ATS_VALUE_MAX_E9 <= 2ull * (uint64_t)ATS_VALUE_MAX_E9;
}

/* Texts that end within their field and print as they are (they go to terminals, JSON, SQL), a
 * known class, no negative step. The writer refuses other entries and so does the reader. */
bool ats_capture_symbol_sane(const ats_symbol *symbol);

/* ---- encoder: one for a writer ---------------------------------------------------------- */

typedef struct ats_capture_encoder ats_capture_encoder;
ats_capture_encoder *ats_capture_encoder_new(void); /* NULL: out of memory */
void ats_capture_encoder_free(ats_capture_encoder *encoder);

/* Packs count (1..ATS_CAPTURE_BLOCK_RECORDS) valid records into `raw` of ATS_CAPTURE_RAW_MAX bytes;
 * fills in kinds, symbols_mask, first and last of the section. Returns the bytes. */
uint32_t ats_capture_encode(ats_capture_encoder *encoder, const ats_market *record, uint32_t count,
                            uint8_t *raw, ats_capture_section *section);

/* ---- decoder: one for a reader ---------------------------------------------------------- */

typedef struct ats_capture_column {
    uint64_t scale;
    const uint8_t *width;
    const uint8_t *data;
} ats_capture_column;

/* Words of the record before, of one context. 128 bytes, so that a context is two lines. */
typedef struct ats_capture_context {
    uint64_t word[ATS_CAPTURE_WORDS];
} ats_capture_context;

typedef struct ats_capture_decoder {
    uint32_t count; /* records of the loaded block */
    uint32_t at;    /* first record not unpacked yet */
    uint32_t context_count;
    uint16_t column_mask;
    uint8_t context_bytes;
    uint8_t event_is_recv;
    uint64_t event_seq; /* of the record before */
    uint64_t recv_ns;
    int64_t last_recv_ns; /* what the block's last record must have */
    const uint8_t *context_column;
    ats_capture_column column[ATS_CAPTURE_WORDS];
    ats_capture_context *context; /* ATS_CAPTURE_BLOCK_RECORDS of them */
    uint16_t *value_words;        /* of each context, by its kind */
    uint8_t *raw;                 /* ATS_CAPTURE_RAW_MAX + slack */
    void *zstd;                   /* static ZSTD_DCtx */
    uint16_t tile_context[ATS_CAPTURE_TILE_RECORDS];
    ats_market *tile; /* ATS_CAPTURE_TILE_RECORDS */
} ats_capture_decoder;

/* Bytes of a decoder with all its buffers; lays one into such memory, aligned to a cache line. */
size_t ats_capture_decoder_footprint(void);
ats_capture_decoder *ats_capture_decoder_new(void *memory);

/* Takes up one block: decompresses and checks all lengths in it, so that unpacking need not. NULL,
 * or what is wrong with it. Hot. */
const char *ats_capture_decoder_load(ats_capture_decoder *decoder,
                                     const ats_capture_section *section, const uint8_t *payload,
                                     uint32_t symbol_count);

/* Unpacks up to ATS_CAPTURE_TILE_RECORDS records into decoder->tile; *got = 0 at the end of the
 * block. NULL, or what is wrong. Hot. */
const char *ats_capture_decoder_tile(ats_capture_decoder *decoder, uint32_t *got);

#endif
