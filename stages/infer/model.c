#include "stages/infer/model.h"

#include "core/atomic.h"
#include "core/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- making --------------------------------------------------------------------------------- */

static int take_weights(ats_model *m, const float *weights)
{
    double sum = 0;
    for (uint32_t i = 0; i < m->member_count; i++) {
        double w = weights ? (double)weights[i] : 1.0;
        if (!(w > 0) || !isfinite(w))
            return ats_error(ATS_EXIT_DATA, "model: the weight of member %u is not above 0", i + 1);
        sum += w;
    }
    for (uint32_t i = 0; i < m->member_count; i++)
        m->members[i].weight = (float)((weights ? (double)weights[i] : 1.0) / sum);
    return 0;
}

/* The nodes move into the image. */
static int compile(ats_model_member *member, ats_isa isa)
{
    ats_forest what = member->forest;
    if (!member->image)
        member->image = ats_forest_compile(&member->forest);
    what.nodes = NULL;
    what.root = NULL;
    what.depth = NULL;
    what.group = NULL;
    ats_forest_free(&member->forest);
    member->forest = what;
    return member->image ? ats_scorer_open(&member->scorer, member->image, isa) : -1;
}

static int take_scratch(ats_model_member *member)
{
    size_t rows = (size_t)ATS_INFER_BATCH_MAX * sizeof(float);
    member->scores = malloc(rows);
    member->margins = malloc(rows * member->forest.group_count);
    return member->scores && member->margins ? 0
                                             : ats_error(ATS_EXIT_FAILED, "model: out of memory");
}

/* What all members must share, and what spans them. */
static int join_members(ats_model *m)
{
    for (uint32_t i = 0; i < m->member_count; i++) {
        const ats_forest *f = &m->members[i].forest;
        if (i && f->feature_version != m->feature_version)
            return ats_error(ATS_EXIT_DATA,
                             "model: member %u was trained on feature version %016llx, member 1 on "
                             "%016llx",
                             i + 1, (unsigned long long)f->feature_version,
                             (unsigned long long)m->feature_version);
        m->feature_version = f->feature_version;
        if (f->feature_count > m->feature_count)
            m->feature_count = f->feature_count;
        if (f->train_first_ns && (!m->train_first_ns || f->train_first_ns < m->train_first_ns))
            m->train_first_ns = f->train_first_ns;
        if (f->train_last_ns > m->train_last_ns)
            m->train_last_ns = f->train_last_ns;
        if (take_scratch(&m->members[i]) != 0 || compile(&m->members[i], m->isa) != 0)
            return -1;
    }
    return 0;
}

ats_model *ats_model_make(ats_forest *forests, uint32_t count, const ats_model_parts *parts)
{
    ats_model *m = count && count <= ATS_MODEL_MEMBERS_MAX ? calloc(1, sizeof *m) : NULL;
    ats_model_member *members = m ? calloc(count, sizeof *members) : NULL;
    if (!members) {
        for (uint32_t i = 0; i < count; i++) {
            ats_forest_free(&forests[i]);
            ats_forest_image_free(parts->images ? parts->images[i] : NULL);
        }
        free(m);
        ats_error(ATS_EXIT_DATA, "model: %u members; 1 to %u are possible", count,
                  ATS_MODEL_MEMBERS_MAX);
        return NULL;
    }
    m->members = members;
    m->member_count = count;
    m->isa = parts->isa;
    for (uint32_t i = 0; i < count; i++) {
        members[i].slot = ATS_MODEL_NO_SLOT;
        members[i].forest = forests[i];
        memset(&forests[i], 0, sizeof forests[i]);
        members[i].image = parts->images ? parts->images[i] : NULL;
    }
    if (parts->calibration)
        m->calibration = *parts->calibration;
    if (parts->sha256)
        memcpy(m->sha256, parts->sha256, strnlen(parts->sha256, sizeof m->sha256 - 1));
    for (uint32_t i = 0; i < ATS_SHA256_BYTES; i++) {
        char byte[3] = {m->sha256[2 * i], m->sha256[2 * i + 1], 0};
        m->sha256_bytes[i] = (uint8_t)strtoul(byte, NULL, 16);
    }
    bool sound = ats_calibration_is_sound(&m->calibration) ||
                 ats_error(ATS_EXIT_DATA, "model: the calibration is no rising table") == 0;
    if (!sound || take_weights(m, parts->weights) != 0 || join_members(m) != 0) {
        ats_model_free(m);
        return NULL;
    }
    return m;
}

void ats_model_detach(ats_model *m)
{
    for (uint32_t i = 0; i < m->member_count; i++) {
        if (m->members[i].slot != ATS_MODEL_NO_SLOT)
            ats_gpu_unload(m->device->gpu, m->members[i].slot);
        m->members[i].slot = ATS_MODEL_NO_SLOT;
    }
    m->device = NULL;
}

int ats_model_remember(ats_model *m, uint32_t symbol_count)
{
    for (uint32_t i = 0; i < m->member_count; i++) {
        ats_model_member *member = &m->members[i];
        size_t bytes = ats_forest_row_memory_bytes(member->image);
        member->memory = aligned_alloc(64, bytes * (symbol_count + 1ull));
        if (!member->memory)
            return ats_error(ATS_EXIT_FAILED, "model: out of memory");
        member->memory_bytes = bytes;
        for (uint32_t id = 0; id <= symbol_count; id++)
            ats_forest_row_memory_reset(member->image, member->memory + id * bytes);
    }
    return 0;
}

int ats_model_attach(ats_model *m, const ats_model_device *device)
{
    m->device = device;
    for (uint32_t i = 0; i < m->member_count; i++)
        if (ats_gpu_load(device->gpu, m->members[i].image, &m->members[i].slot) != 0) {
            m->members[i].slot = ATS_MODEL_NO_SLOT;
            ats_model_detach(m);
            return -1;
        }
    return 0;
}

void ats_model_free(ats_model *m)
{
    if (!m)
        return;
    ats_model_detach(m);
    for (uint32_t i = 0; i < m->member_count; i++) {
        ats_scorer_close(&m->members[i].scorer);
        ats_forest_image_free(m->members[i].image);
        ats_forest_free(&m->members[i].forest);
        free(m->members[i].margins);
        free(m->members[i].scores);
        free(m->members[i].memory);
    }
    free(m->members);
    free(m);
}

int ats_model_check(const ats_model *m, uint32_t feature_count, uint64_t feature_version)
{
    if (m->feature_version != feature_version)
        return ats_error(ATS_EXIT_CONFIG,
                         "model: made for feature version %016llx, this program computes %016llx; "
                         "train it again, or give features.timeframes, index and sectors as in "
                         "its training",
                         (unsigned long long)m->feature_version,
                         (unsigned long long)feature_version);
    if (m->feature_count > feature_count)
        return ats_error(ATS_EXIT_CONFIG, "model: wants %u features, there are %u",
                         m->feature_count, feature_count);
    return 0;
}

/* ---- scoring: hot --------------------------------------------------------------------------- */

/* A batch to score. */
typedef struct batch {
    const ats_model_device *device;
    const float *const *rows;
    const uint32_t *symbols;
    uint32_t n;
} batch;

/* Rows up to which each is scored through its symbol's memory: beyond, quantising side by side
 * costs a row less than comparing it with the one before. */
#define REMEMBER_ROWS 8u

/* Margins, by the device or, where it is not worth the way or does not answer, by the CPU. */
static void score_forest(const batch *b, ats_model_member *member, float *margins)
{
    const ats_model_device *device = b->device;
    if (member->slot != ATS_MODEL_NO_SLOT && b->n >= device->use_from &&
        ats_gpu_score(device->gpu, member->slot, b->rows, b->n,
                      ats_clock_now(device->clock) + device->deadline_ns, device->clock,
                      margins) == ATS_GPU_DONE)
        return;
    if (!member->memory || b->n > REMEMBER_ROWS) {
        ats_scorer_score(&member->scorer, b->rows, b->n, margins);
        return;
    }
    for (uint32_t i = 0; i < b->n; i++)
        ats_scorer_score_row(&member->scorer, member->memory + b->symbols[i] * member->memory_bytes,
                             b->rows[i], margins + (size_t)i * member->forest.group_count);
}

/* One number a row: the margin, or of several classes the last one's against the first's. */
static void score_member(const batch *b, ats_model_member *member, float *scores)
{
    uint32_t groups = member->forest.group_count;
    if (groups == 1) {
        score_forest(b, member, scores);
        return;
    }
    const float *margins = member->margins;
    score_forest(b, member, member->margins);
    for (uint32_t i = 0; i < b->n; i++, margins += groups)
        scores[i] = margins[groups - 1] - margins[0];
}

/* Weighted mean and agreement of the members' scores. */
static void score_ensemble(ats_model *m, const batch *b, float *scores, float *confidences)
{
    for (uint32_t k = 0; k < m->member_count; k++)
        score_member(b, &m->members[k], m->members[k].scores);
    for (uint32_t i = 0; i < b->n; i++) {
        float mean = 0.0f, variance = 0.0f;
        for (uint32_t k = 0; k < m->member_count; k++)
            mean += m->members[k].weight * m->members[k].scores[i];
        for (uint32_t k = 0; k < m->member_count; k++) {
            float away = m->members[k].scores[i] - mean;
            variance += m->members[k].weight * (away * away);
        }
        float size = fabsf(mean), all = size + sqrtf(variance);
        scores[i] = mean;
        confidences[i] = all > 0.0f ? size / all : 1.0f;
    }
}

void ats_model_score(ats_model *m, const float *const *rows, const uint32_t *symbols, uint32_t n,
                     float *scores, float *confidences)
{
    const batch b = {m->device, rows, symbols, n};
    if (m->member_count > 1) {
        score_ensemble(m, &b, scores, confidences);
    } else {
        score_member(&b, &m->members[0], scores);
        for (uint32_t i = 0; i < n; i++)
            confidences[i] = 1.0f;
    }
    if (m->calibration.count == 0)
        return;
    for (uint32_t i = 0; i < n; i++) {
        float up = ats_calibration_chance(&m->calibration, scores[i]);
        confidences[i] *= scores[i] < 0.0f ? 1.0f - up : up;
    }
}

/* ---- the table ------------------------------------------------------------------------------ */

static ats_model_slot *slot_of(ats_model_table *t, uint32_t id)
{
    for (uint32_t i = 0; i < ATS_MODELS_MAX; i++)
        /* Acquire: partner of the release in ats_model_table_add; the model is there before its id.
         */
        if (ats_load_acquire(&t->slots[i].id) == id)
            return &t->slots[i];
    return NULL;
}

uint32_t ats_model_table_add(ats_model_table *t, ats_model *model, uint32_t id)
{
    if (id == 0)
        id = t->last_id + 1;
    if (slot_of(t, id))
        return ats_error(ATS_EXIT_FAILED, "model %u is there already", id), 0;
    ats_model_slot *slot = slot_of(t, 0);
    if (!slot)
        return ats_error(ATS_EXIT_FAILED, "%u models are loaded; no more are possible",
                         ATS_MODELS_MAX),
               0;
    if (id > t->last_id)
        t->last_id = id;
    model->id = id;
    slot->model = model;
    ats_store_relaxed(&slot->retired, 0);
    ats_store_release(&slot->id, id); /* partner: slot_of */
    return id;
}

ats_model *ats_model_table_find(ats_model_table *t, uint32_t id)
{
    const ats_model_slot *slot = id ? slot_of(t, id) : NULL;
    return slot && !ats_load_relaxed(&slot->retired) ? slot->model : NULL;
}

void ats_model_table_retire(ats_model_table *t, uint32_t id)
{
    ats_model_slot *slot = id ? slot_of(t, id) : NULL;
    if (slot)
        ats_store_release(&slot->retired, 1); /* partner: collect, before it frees */
}

uint32_t ats_model_table_collect(ats_model_table *t)
{
    uint32_t freed = 0;
    for (uint32_t i = 0; i < ATS_MODELS_MAX; i++) {
        ats_model_slot *slot = &t->slots[i];
        /* Acquire: partner of the release in retire; infer's reads are done. */
        if (!ats_load_relaxed(&slot->id) || !ats_load_acquire(&slot->retired))
            continue;
        ats_model_free(slot->model);
        slot->model = NULL;
        ats_store_release(&slot->id, 0); /* partner: slot_of */
        freed++;
    }
    return freed;
}

void ats_model_table_clear(ats_model_table *t)
{
    for (uint32_t i = 0; i < ATS_MODELS_MAX; i++)
        ats_model_free(t->slots[i].model);
    memset(t, 0, sizeof *t);
}
