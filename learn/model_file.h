/* model_file.h: loads model files. Cold.
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

/* Reads one forest; forest->sha256 is that of the file. 0, or -1 with an error pushed. */
int ats_model_load(ats_forest *forest, const char *path);

/* SHA-256 of a file as text. 0, or -1 with an error pushed. */
int ats_model_file_hash(const char *path, char sha256[65]);

/* Reads a forest or an ensemble, to score with these instructions. The caller frees it; NULL with
 * an error pushed. */
ats_model *ats_model_open(const char *path, ats_isa isa);

#endif
