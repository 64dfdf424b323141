/* model.h: what infer scores with: a forest, or a weighted ensemble of forests, with a calibration
 * or without; and the table through which models come to a running engine and leave it.
 *
 * Score: of one forest its margin, bit for bit; of an ensemble the sum of weight x margin in the
 * order of its members, in float32. A forest of several classes gives the log odds of its last
 * class against its first (margin[last] - margin[0]): with classes down, flat, up that is what
 * speaks for up against down.
 *
 * Confidence: the product of two parts, each 1 where it does not apply.
 *   agreement    |mean| / (|mean| + deviation) of an ensemble's margins, weighted: 1 when all say
 *                the same, 1/2 when they spread by as much as they say
 *   calibration  the chance that the sign of the score is right, as the table has it
 */
#ifndef ATS_STAGES_INFER_MODEL_H
#define ATS_STAGES_INFER_MODEL_H

#include "calc/calibration.h"
#include "calc/forest/scorer.h"
#include "core/record.h"
#include "gpu/crossover.h"

#include <stdalign.h>
#include <stdbool.h>

/* 256 rows of 500 trees are about 80 us on one core: the longest that a lone later event waits. */
#define ATS_INFER_BATCH_MAX ATS_SCORER_ROWS_MAX

/* Five folds and three horizons, with room; each costs a scoring of every row. */
#define ATS_MODEL_MEMBERS_MAX 16u

/* Where large batches are scored, when there is a card for it. */
typedef struct ats_model_device {
    ats_gpu *gpu;
    const ats_clock *clock;
    uint64_t deadline_ns; /* of a batch, from when it is sent: after that the CPU scores it */
    uint32_t use_from;    /* rows from which on a batch is sent; ATS_GPU_NEVER */
} ats_model_device;

#define ATS_MODEL_NO_SLOT UINT32_MAX

typedef struct ats_model_member {
    ats_forest forest; /* what it is; its nodes are in the image alone */
    ats_forest_image *image;
    ats_scorer scorer;
    uint32_t slot;       /* of the device, or ATS_MODEL_NO_SLOT */
    uint8_t *memory;     /* a row's values and ranks a symbol, or NULL */
    size_t memory_bytes; /* of one symbol */
    float weight;        /* of all members they sum to 1 */
    float *margins;      /* scratch: ATS_INFER_BATCH_MAX rows of all its classes */
    float *scores;       /* scratch: ATS_INFER_BATCH_MAX */
} ats_model_member;

typedef struct ats_model {
    uint32_t id; /* 1, 2, ...: given by the table; SIGNAL records name it */
    uint32_t member_count;
    uint32_t feature_count; /* of the widest member */
    uint64_t feature_version;
    ats_model_member *members;
    ats_calibration calibration;
    ats_isa isa;
    const ats_model_device *device;         /* NULL: the CPU scores */
    char sha256[65];                        /* of the file */
    uint8_t sha256_bytes[ATS_SHA256_BYTES]; /* the same, as a CONTROL record carries it */
    int64_t train_first_ns, train_last_ns;  /* of all members together; 0: not known */
} ats_model;

/* What a model is made of besides its forests. All zero: equal weights, no calibration, any
 * machine's instructions. */
typedef struct ats_model_parts {
    const float *weights;               /* scaled to sum to 1; NULL: equal ones */
    const ats_calibration *calibration; /* NULL: none */
    const char *sha256;                 /* of the file; NULL: it has none */
    ats_isa isa;
    ats_forest_image **images; /* of the forests, where they are compiled already; or NULL */
} ats_model_parts;

/* Compiles parsed forests to a model; takes them (and images) over, also when it fails. NULL with
 * an error pushed when members were trained on different features, a weight is not above 0, this
 * machine has not the instructions, or memory is short. Cold. */
ats_model *ats_model_make(ats_forest *forests, uint32_t count, const ats_model_parts *parts);
void ats_model_free(ats_model *model);

/* Loads the members onto a device, which then scores batches of device->use_from rows and more, as
 * long as it answers rightly and in time; the CPU scores the same batch when it does not. 0, or -1
 * with an error pushed and the model as before (no room on the device). The device must outlive the
 * model; its clock must be set before the model scores. Control thread. */
int ats_model_attach(ats_model *model, const ats_model_device *device);

/* Takes it off its device again; the CPU scores from then on. Nobody may be scoring with it. */
void ats_model_detach(ats_model *model);

/* Can a chain with these features score with it? 0, or -1 with an error pushed (ATS_EXIT_CONFIG).
 */
int ats_model_check(const ats_model *model, uint32_t feature_count, uint64_t feature_version);

/* Lets the model remember each symbol's last row, so that in small batches only features that
 * changed are quantised (scorer.h says when that pays). Before it scores. 0, or -1 with an error
 * pushed: out of memory. */
int ats_model_remember(ats_model *model, uint32_t symbol_count);

/* Scores n rows, 1..ATS_INFER_BATCH_MAX; symbols[i] is the symbol_id of rows[i], and is looked at
 * only by a model that remembers. One thread at a time: the scratch is the model's. Hot. */
void ats_model_score(ats_model *model, const float *const *rows, const uint32_t *symbols,
                     uint32_t n, float *scores, float *confidences);

/* ---- the table ------------------------------------------------------------------------------ */

/* Models at hand at once: a repeated run loads all that the run came to have. A daily model for a
 * year of trading days. */
#define ATS_MODELS_MAX 256u

typedef struct ats_model_slot {
    uint64_t id;      /* 0: free. Written by the control thread, after the model. */
    uint64_t retired; /* 1: infer has done with it. Written by infer. */
    ats_model *model; /* read only by who has found its id, and until it is retired */
} ats_model_slot;

/* One control thread adds and collects; infer finds and retires. Zeroed memory is an empty one. */
typedef struct ats_model_table {
    ats_model_slot slots[ATS_MODELS_MAX];
    uint32_t last_id; /* of the control thread */
} ats_model_table;

/* Puts a model into the table, as `id` (0: the next one); the table's from then on. Its id, or 0
 * with an error pushed when the table is full or holds the id. Control thread. */
uint32_t ats_model_table_add(ats_model_table *table, ats_model *model, uint32_t id);

/* The model of this id, or NULL: none, or retired. Infer, or the control thread. */
ats_model *ats_model_table_find(ats_model_table *table, uint32_t id);

/* Infer will not touch this model again: the acknowledgement of the command that replaced it. */
void ats_model_table_retire(ats_model_table *table, uint32_t id);

/* Frees every retired model; how many those were. Control thread. */
uint32_t ats_model_table_collect(ats_model_table *table);

/* Frees all. After the engine has ended. */
void ats_model_table_clear(ats_model_table *table);

#endif
