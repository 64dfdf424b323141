"""Scores against XGBoost's own, of models it trained and wrote: JSON and UBJSON, gbtree, dart and random forests, one
output and several, every objective; rows with NaN, -0, denormals and values equal to thresholds. (Infinities: XGBoost takes none in a
matrix; there the ways through a forest are held against each other.) Every way through a forest that this processor has, in batches of all sizes
that may matter. ATS_FOREST_ROWS sets the rows for each model and way: 1000000 is the full run."""
import json
import os
import pathlib
import subprocess

import numpy as np
import pytest

xgboost = pytest.importorskip("xgboost")
ROOT = pathlib.Path(__file__).resolve().parents[2]
SCORES = os.environ.get("FOREST_SCORES", str(ROOT / "build/release/tests/forest_scores"))
FEATURES, ROWS = 12, int(os.environ.get("ATS_FOREST_ROWS", 10_000))
# Below and above what a register or two hold, odd sizes, and where a batch turns to another way of scoring.
BATCHES = "1,2,3,7,8,15,16,17,19,20,21,31,32,33,63,64,65,100,127,128,129,192,255,256"


def market(rows, seed):
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, FEATURES)).astype(np.float32)
    x[:, 3] = np.round(x[:, 3] * 4) / 4  # values that meet thresholds exactly
    x[random.random(x.shape) < 0.08] = np.nan
    return x


def thresholds(model):
    """Feature and threshold of every split of a model document, exactly as it has them."""
    booster = model["learner"]["gradient_booster"]
    for tree in (booster["gbtree"] if "gbtree" in booster else booster)["model"]["trees"]:
        for left, feature, value in zip(tree["left_children"], tree["split_indices"], tree["split_conditions"]):
            if left != -1:
                yield feature, np.float32(value)


def hard_rows(model):
    """Rows that a careless comparison gets wrong, thresholds of the model itself among them."""
    x = market(ROWS, 99)
    random = np.random.default_rng(3)
    splits = {}
    for feature, value in thresholds(model):
        splits.setdefault(feature, []).append(value)
    for column, values in splits.items():
        at = random.integers(0, ROWS, ROWS // 5)
        chosen = random.choice(np.array(values, np.float32), ROWS // 5)
        x[at, column] = chosen
        x[at[::3], column] = np.nextafter(chosen[::3], np.float32(-np.inf))
    for value in (-0.0, 0.0, 1e-42, -1e-42, 3.4e38, -3.4e38):  # XGBoost takes no infinities in a matrix
        x[random.integers(0, ROWS, ROWS // 20), random.integers(0, FEATURES, ROWS // 20)] = value
    return x


def ways():
    return subprocess.run([SCORES, "--ways"], capture_output=True, text=True, check=True).stdout.split()


def score(model, x, batch, way="walk"):
    done = subprocess.run([SCORES, str(model), str(batch), way], input=np.ascontiguousarray(x, np.float32).tobytes(),
                          capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    out = np.frombuffer(done.stdout, np.float32).reshape(len(x), -1)
    half = out.shape[1] // 2
    return out[:, :half], out[:, half:]


def case(objective="reg:squarederror", trees=30, **parameters):
    return {"objective": objective, "trees": trees, "parameters": {"max_depth": 6, "seed": 7, "nthread": 1, **parameters}}


CASES = {
    **{f"depth {d}": case(max_depth=d, trees=9 if d > 9 else 20) for d in range(1, 13)},
    "one tree": case(trees=1),
    "2,000 trees": case(trees=2000, max_depth=2),
    "lossguide": case(grow_policy="lossguide", max_leaves=60, max_depth=0, tree_method="hist"),
    "lossguide, deep": case(grow_policy="lossguide", max_leaves=400, max_depth=0, tree_method="hist", min_child_weight=0),
    "thousands of thresholds": case(tree_method="hist", max_bin=4096, trees=150),
    "exact": case(tree_method="exact"),
    "dart": case(booster="dart", rate_drop=0.2, skip_drop=0.3),
    "dart classes": case("multi:softprob", booster="dart", rate_drop=0.3, num_class=3, trees=8),
    "random forest": case(num_parallel_tree=25, subsample=0.7, colsample_bynode=0.7, learning_rate=1, trees=1),
    "boosted forests": case("binary:logistic", num_parallel_tree=4, subsample=0.7, trees=6),
    "base score": case(base_score=-3.5),
    "base probability": case("binary:logistic", base_score=0.13),
    "base of a raw margin": case("binary:logitraw", base_score=0.13),
    **{o: case(o, trees=15) for o in
       ("reg:squaredlogerror", "reg:absoluteerror", "reg:pseudohubererror", "reg:logistic", "binary:logistic", "binary:logitraw",
        "binary:hinge", "count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "rank:pairwise", "rank:ndcg")},
    "reg:quantileerror": case("reg:quantileerror", quantile_alpha=0.7),
    "survival:aft": case("survival:aft", trees=10),
    "multi:softprob": case("multi:softprob", num_class=4, trees=12),
    "multi:softmax": case("multi:softmax", num_class=5, trees=6),
    "many classes": case("multi:softprob", num_class=33, trees=2, max_depth=3),
}


def labels(c, x):
    """What to fit, and the size of a query where the objective ranks (else 0)."""
    random = np.random.default_rng(2)
    signal = np.nan_to_num(x[:, 0]) + np.nan_to_num(x[:, 3]) * np.nan_to_num(x[:, 1]) + random.normal(size=len(x))
    objective, parameters = c["objective"], c["parameters"]
    y = signal
    if objective in ("binary:logistic", "binary:logitraw", "binary:hinge", "reg:logistic"):
        y = (signal > 0).astype(float)
    elif objective in ("count:poisson",):
        y = np.floor(np.exp(signal / 2))
    elif objective in ("reg:gamma", "reg:tweedie", "reg:squaredlogerror", "survival:cox", "survival:aft"):
        y = np.exp(signal / 3)
    elif "num_class" in parameters:
        ranks = np.argsort(np.argsort(signal))
        y = ranks * parameters["num_class"] // len(ranks)
    elif objective.startswith("rank"):
        y = np.clip(np.floor(signal + 2), 0, 4)
    return y, 100 if objective.startswith("rank") else 0


def train(c):
    x = market(6000, 1)
    y, query = labels(c, x)
    data = xgboost.DMatrix(x, y)
    if query:
        data.set_group([query] * (len(x) // query))
    if c["objective"] == "survival:aft":
        data.set_float_info("label_lower_bound", y)
        data.set_float_info("label_upper_bound", y)
    return xgboost.train({"objective": c["objective"], **c["parameters"]}, data, c["trees"])


@pytest.fixture(scope="module", params=CASES)
def model(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    booster = train(CASES[request.param])
    for ending in ("json", "ubj"):
        booster.save_model(str(folder / f"model.{ending}"))
    x = hard_rows(json.loads((folder / "model.json").read_text()))
    rows = xgboost.DMatrix(x)
    margins = booster.predict(rows, output_margin=True).reshape(ROWS, -1)
    return {"name": request.param, "folder": folder, "x": x, "margins": margins.astype(np.float32),
            "predictions": np.asarray(booster.predict(rows), np.float32).reshape(ROWS, -1)}


@pytest.mark.parametrize("ending,batch", [("json", 64), ("ubj", 1), ("ubj", 7), ("ubj", 64)])
def test_margins_to_the_bit(model, ending, batch):
    margins, _ = score(model["folder"] / f"model.{ending}", model["x"], batch)
    unequal = (margins.view(np.uint32) != model["margins"].view(np.uint32)).any(axis=1)
    assert unequal.sum() == 0, f"{unequal.sum()} of {len(unequal)} rows; first {np.flatnonzero(unequal)[:3]}"


@pytest.mark.parametrize("way", ways())
def test_every_way_gives_the_same_bits(model, way):
    margins, _ = score(model["folder"] / "model.ubj", model["x"], BATCHES, way)
    unequal = (margins.view(np.uint32) != model["margins"].view(np.uint32)).any(axis=1)
    assert unequal.sum() == 0, f"{unequal.sum()} of {len(unequal)} rows; first {np.flatnonzero(unequal)[:3]}"


def test_infinities_go_the_same_way_everywhere(model):
    random = np.random.default_rng(8)
    x = model["x"][:4000].copy()
    x[random.random(x.shape) < 0.1] = np.inf
    x[random.random(x.shape) < 0.1] = -np.inf
    want, _ = score(model["folder"] / "model.ubj", x, 64)
    for way in ways():
        got, _ = score(model["folder"] / "model.ubj", x, BATCHES, way)
        assert got.tobytes() == want.tobytes(), way


def test_predictions(model):
    _, got = score(model["folder"] / "model.ubj", model["x"], 64)
    want = model["predictions"]
    assert np.allclose(got[:, :want.shape[1]], want, rtol=2e-6, atol=1e-7)


def test_what_is_not_supported_is_refused(tmp_path):
    x = market(500, 5)
    y = np.nan_to_num(x[:, :2])
    refused = {
        "linear": (xgboost.train({"booster": "gblinear"}, xgboost.DMatrix(np.nan_to_num(x), y[:, 0]), 2), "gblinear"),
        "targets": (xgboost.train({"multi_strategy": "multi_output_tree", "tree_method": "hist"}, xgboost.DMatrix(x, y), 2), "target"),
    }
    for name, (booster, word) in refused.items():
        for ending in ("json", "ubj"):
            path = tmp_path / f"{name}.{ending}"
            booster.save_model(str(path))
            done = subprocess.run([SCORES, str(path), "1"], input=b"", capture_output=True)
            assert done.returncode == 3 and word in done.stderr.decode(), (name, done.stderr)


def test_a_cut_file_is_refused_at_any_length(tmp_path):
    booster = train(CASES["depth 3"])
    whole = bytes(booster.save_raw("ubj"))
    path = tmp_path / "cut.ubj"
    for length in list(range(0, 600, 7)) + list(range(600, len(whole), 997)) + [len(whole) - 1]:
        path.write_bytes(whole[:length])
        assert subprocess.run([SCORES, str(path), "1"], input=b"", capture_output=True).returncode == 3, length
    path.write_bytes(whole + b"x")
    assert subprocess.run([SCORES, str(path), "1"], input=b"", capture_output=True).returncode == 3
