/* model_file.h: reads and writes model files. Cold.
 *
 * A file holds one forest, as its library wrote it, or an ensemble: a JSON object
 *
 *   { "ats_model": 1,
 *     "members": [ { "weight": 0.6, "name": "a.json", "model": "<the file, in base64>" }, ... ],
 *     "calibration": { "score": [...], "chance": [...] } }      (calibration.h; optional)
 *
 * which carries its members whole, so that one file with one hash is all that is copied, swapped
 * and kept with a run.
 */
#ifndef ATS_LEARN_MODEL_FILE_H
#define ATS_LEARN_MODEL_FILE_H

#include "calc/forest/forest.h"
#include "stages/infer/model.h"

/* One forest's file as it stands in a model file. Bounds: the name is cut, the weight as read. */
#define ATS_MODEL_NAME_BYTES 128u
typedef struct ats_model_file_member {
    char name[ATS_MODEL_NAME_BYTES]; /* "" when there is none */
    double weight;
    const uint8_t *bytes; /* what the library wrote */
    size_t count;
    char sha256[65]; /* of them */
    uint8_t *owned;  /* bytes, where they were decoded; else they lie in the file */
} ats_model_file_member;

/* A model file taken apart, and nothing of it compiled. */
typedef struct ats_model_file {
    char sha256[65]; /* of the file */
    size_t count;    /* bytes of it */
    bool ensemble;
    uint32_t member_count; /* 1 when it is no ensemble */
    ats_model_file_member member[ATS_MODEL_MEMBERS_MAX];
    ats_calibration calibration; /* count 0: none */
    void *contents;              /* of the file, where it was read */
} ats_model_file;

/* Takes a file, or bytes that outlive `file`, apart. The members are not looked into. 0, or -1 with
 * an error pushed and nothing to free. ats_model_file_parse names no file in its errors. */
int ats_model_file_read(ats_model_file *file, const char *path);
int ats_model_file_parse(ats_model_file *file, const void *bytes, size_t count);
void ats_model_file_free(ats_model_file *file);

/* Compiles it, to score with these instructions; members come from the cache (model_cache.h) when
 * they are there, and are put there when not. `calibrated` false: without its table. The caller
 * frees the model, which does not refer to `file`; NULL with an error pushed. */
ats_model *ats_model_file_compile(const ats_model_file *file, ats_isa isa, bool calibrated);

/* Writes members, weights and table as an ensemble, in one step (ats_file_replace). Weights are
 * written as they are. 0, or -1 with an error pushed and what was at `path` untouched. */
int ats_model_file_write(const ats_model_file *file, const char *path);

/* Reads one forest; forest->sha256 is that of the file. 0, or -1 with an error pushed. */
int ats_model_load(ats_forest *forest, const char *path);

/* SHA-256 of a file as text. 0, or -1 with an error pushed. */
int ats_model_file_hash(const char *path, char sha256[65]);

/* Reads a forest or an ensemble, to score with these instructions. The caller frees it; NULL with
 * an error pushed. */
ats_model *ats_model_open(const char *path, ats_isa isa);

#endif
