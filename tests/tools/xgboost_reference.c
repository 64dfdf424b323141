/* Trains with the XGBoost library that is installed on this machine and scores with it, for tests
 * that hold our scores against it (the Python tests' own XGBoost is another version).
 *   xgboost_reference --version
 *   xgboost_reference TREES MODEL.json MODEL.ubj NAME=VALUE... < data > margins
 * In: u32 rows, features, group size (0: none), 1 where the label is a bound of survival; float32
 * rows, then labels; u32 rows to score; float32 rows. NaN is missing. Out: float32 margins.
 * Exit 77: built without the library. */
#include <stdio.h>

#if ATS_HAVE_XGBOOST
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xgboost/c_api.h>

static void must(int result)
{
    if (result == 0)
        return;
    fprintf(stderr, "%s\n", XGBGetLastError());
    exit(1);
}

static void *take(size_t bytes)
{
    void *p = malloc(bytes ? bytes : 1);
    if (!p || fread(p, 1, bytes, stdin) != bytes)
        exit(2);
    return p;
}

static uint32_t take_u32(void)
{
    uint32_t v;
    if (fread(&v, sizeof v, 1, stdin) != 1)
        exit(2);
    return v;
}

static DMatrixHandle training_data(uint32_t *features)
{
    DMatrixHandle data;
    uint32_t rows = take_u32();
    *features = take_u32();
    uint32_t group = take_u32(), bounds = take_u32();
    float *x = take((size_t)rows * *features * sizeof *x), *y = take(rows * sizeof *y);
    must(XGDMatrixCreateFromMat(x, rows, *features, NAN, &data));
    must(XGDMatrixSetFloatInfo(data, "label", y, rows));
    if (bounds) {
        must(XGDMatrixSetFloatInfo(data, "label_lower_bound", y, rows));
        must(XGDMatrixSetFloatInfo(data, "label_upper_bound", y, rows));
    }
    if (group) {
        unsigned *sizes = malloc(rows / group * sizeof *sizes);
        for (uint32_t i = 0; sizes && i < rows / group; i++)
            sizes[i] = group;
        must(XGDMatrixSetUIntInfo(data, "group", sizes, rows / group));
        free(sizes);
    }
    free(x), free(y);
    return data;
}

static void score(BoosterHandle booster, uint32_t features)
{
    DMatrixHandle data;
    bst_ulong const *shape;
    bst_ulong dimensions, total = 1;
    const float *margins;
    uint32_t rows = take_u32();
    float *x = take((size_t)rows * features * sizeof *x);
    must(XGDMatrixCreateFromMat(x, rows, features, NAN, &data));
    must(XGBoosterPredictFromDMatrix(booster, data,
                                     "{\"type\": 1, \"training\": false, \"iteration_begin\": 0, "
                                     "\"iteration_end\": 0, \"strict_shape\": true}",
                                     &shape, &dimensions, &margins));
    for (bst_ulong i = 0; i < dimensions; i++)
        total *= shape[i];
    if (fwrite(margins, sizeof *margins, total, stdout) != total)
        exit(1);
    must(XGDMatrixFree(data));
    free(x);
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "--version")) {
        int major, minor, patch;
        XGBoostVersion(&major, &minor, &patch);
        printf("%d.%d.%d\n", major, minor, patch);
        return 0;
    }
    if (argc < 4)
        return 2;
    uint32_t features;
    BoosterHandle booster;
    DMatrixHandle data = training_data(&features);
    must(XGBoosterCreate(&data, 1, &booster));
    for (int i = 4; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (!equals)
            return 2;
        *equals = 0;
        must(XGBoosterSetParam(booster, argv[i], equals + 1));
    }
    for (int i = 0; i < atoi(argv[1]); i++)
        must(XGBoosterUpdateOneIter(booster, i, data));
    must(XGBoosterSaveModel(booster, argv[2]));
    must(XGBoosterSaveModel(booster, argv[3]));
    score(booster, features);
    must(XGBoosterFree(booster));
    must(XGDMatrixFree(data));
    return fflush(stdout) != 0;
}
#else
int main(void)
{
    return 77;
}
#endif
