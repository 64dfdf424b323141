/* model_file.h: loads a model file into a forest. Cold. */
#ifndef ATS_LEARN_MODEL_FILE_H
#define ATS_LEARN_MODEL_FILE_H

#include "calc/forest/forest.h"

/* Reads an XGBoost model, JSON or UBJSON; forest->sha256 is that of the file. 0, or -1 with an
 * error pushed. */
int ats_model_load(ats_forest *forest, const char *path);

#endif
