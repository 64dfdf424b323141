"""LightGBM's text models against LightGBM itself: leaves must be its own (a model whose leaves are their numbers tells them),
margins agree to float32's rounding, and so does what the objective makes of them."""
import os
import pathlib
import re
import subprocess

import numpy as np
import pytest

lightgbm = pytest.importorskip("lightgbm")
ROOT = pathlib.Path(__file__).resolve().parents[2]
SCORES = os.environ.get("FOREST_SCORES", str(ROOT / "build/release/tests/forest_scores"))
FEATURES, ROWS = 12, 8_000


def market(rows, seed, missing=0.08):
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, FEATURES)).astype(np.float32)
    x[:, 3] = np.round(x[:, 3] * 4) / 4
    x[random.random(x.shape) < missing] = np.nan
    x[random.random(x.shape) < 0.02] = 0
    return x


def hard_rows(text):
    x = market(ROWS, 99)
    random = np.random.default_rng(3)
    features = [int(v) for line in re.findall(r"^split_feature=(.+)$", text, re.M) for v in line.split()]
    thresholds = [float(v) for line in re.findall(r"^threshold=(.+)$", text, re.M) for v in line.split()]
    for feature, threshold in list(zip(features, thresholds))[:2000]:
        near = np.float32(np.clip(threshold, -3e38, 3e38))
        for value in (near, np.nextafter(near, np.float32(np.inf)), np.nextafter(near, np.float32(-np.inf))):
            x[random.integers(0, ROWS), feature] = value
    for value in (-0.0, 0.0, 1e-42, -1e-42, 1e-35, -1e-35, 3.4e38, -3.4e38, np.inf, -np.inf):
        x[random.integers(0, ROWS, 300), random.integers(0, FEATURES, 300)] = value
    if any(t == np.inf for t in thresholds):  # parts missing values from all others: +infinity goes with them (lightgbm.c)
        x[x == np.inf] = 3.3e38
    return x


def score(model, x, batch=64):
    done = subprocess.run([SCORES, str(model), str(batch)], input=np.ascontiguousarray(x, np.float32).tobytes(),
                          capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    out = np.frombuffer(done.stdout, np.float32).reshape(len(x), -1)
    return np.split(out, 2, axis=1)


def case(objective="regression", trees=30, classes=1, missing=0.08, **parameters):
    return {"objective": objective, "trees": trees, "classes": classes, "missing": missing,
            "parameters": {"num_leaves": 31, "min_data_in_leaf": 5, "seed": 7, "verbose": -1, "num_threads": 1, **parameters}}


CASES = {
    "plain": case(),
    "one tree": case(trees=1),
    "stumps of one leaf": case(trees=3, min_data_in_leaf=100_000),
    "255 leaves": case(num_leaves=255, trees=10),
    "depth 3": case(max_depth=3),
    "nothing missing": case(missing=0),
    "missing is not used": case(use_missing=False),
    "many bins": case(max_bin=4000),
    "dart": case(boosting="dart", drop_rate=0.3),
    "random forest": case(boosting="rf", bagging_freq=1, bagging_fraction=0.7, feature_fraction=0.7),
    "random forest of classes": case("multiclass", classes=3, num_class=3, trees=8, boosting="rf", bagging_freq=1,
                                     bagging_fraction=0.7),
    **{o: case(o) for o in ("regression_l1", "huber", "fair", "quantile", "mape", "poisson", "gamma", "tweedie", "binary",
                            "cross_entropy")},
    "lambdarank": case("lambdarank"),
    "multiclass": case("multiclass", classes=4, num_class=4, trees=12),
    "multiclassova": case("multiclassova", classes=3, num_class=3, trees=12),
}


def train(c):
    x = market(4000, 1, c["missing"])
    random = np.random.default_rng(2)
    y = np.nan_to_num(x[:, 0]) + np.nan_to_num(x[:, 3]) * np.nan_to_num(x[:, 1]) + random.normal(size=len(x))
    group = None
    if c["objective"] in ("poisson", "gamma", "tweedie"):
        y = np.exp(y / 4)
    elif c["objective"] in ("binary", "cross_entropy"):
        y = y > 0
    elif c["classes"] > 1:
        y = np.digitize(y, np.quantile(y, np.linspace(0, 1, c["classes"] + 1)[1:-1]))
    elif c["objective"] == "lambdarank":
        y, group = np.digitize(y, [-1, 0, 1]), [40] * 100
    return lightgbm.train({"objective": c["objective"], **c["parameters"]}, lightgbm.Dataset(x, y, group=group), c["trees"])


@pytest.mark.parametrize("name", CASES)
def test_leaves_margins_and_outputs(name, tmp_path):
    c = CASES[name]
    booster = train(c)
    text = booster.model_to_string()
    path = tmp_path / "model.txt"
    path.write_text(text)
    x = hard_rows(text)
    margins, outputs = score(path, x)
    theirs = booster.predict(x, raw_score=True).reshape(len(x), -1)
    if "average_output" in text:  # their raw score is the sum, their output is made of the mean
        theirs = theirs / c["trees"]
    scale = np.abs(theirs).max() + 1e-9
    assert np.abs(margins - theirs).max() <= 2e-6 * scale * max(1, c["trees"] / 30)
    assert np.allclose(outputs, booster.predict(x).reshape(len(x), -1), rtol=3e-5, atol=1e-6)
    # Which leaf each tree comes to, tree by tree: leaves are replaced by their numbers, other trees by nothing.
    leaves = booster.predict(x, pred_leaf=True).reshape(len(x), -1)
    for tree in range(0, leaves.shape[1], max(1, leaves.shape[1] // 6)):
        numbered = numbered_tree(text, tree, c["classes"])
        path.write_text(numbered)
        margins, _ = score(path, x)
        weight = leaves.shape[1] // c["classes"] if "average_output" in text else 1
        ours = np.rint(margins[:, tree % c["classes"]] * weight).astype(int)
        assert (ours == leaves[:, tree]).all(), f"tree {tree}"


def numbered_tree(text, wanted, classes):
    """The same text with the leaves of one tree numbered from 0, and all others 0."""
    parts = text.split("\nTree=")

    def number(part, index):
        return re.sub(r"^leaf_value=(.*)$", lambda m: "leaf_value=" + " ".join(
            str(i) if index == wanted else "0" for i in range(len(m.group(1).split()))), part, flags=re.M)
    return "\nTree=".join([parts[0]] + [number(p, i) for i, p in enumerate(parts[1:])])


@pytest.mark.parametrize("parameters, says", [
    ({"zero_as_missing": True}, "zero_as_missing"),
    ({"linear_tree": True}, "linear"),
    ({"objective": "binary", "sigmoid": 2.0}, "not supported"),
    ({"reg_sqrt": True}, "not supported"),
])
def test_what_is_not_supported_is_refused_by_name(parameters, says, tmp_path):
    booster = train(case(**parameters))
    booster.save_model(tmp_path / "model.txt")
    done = subprocess.run([SCORES, str(tmp_path / "model.txt"), "1"], capture_output=True, text=True)
    assert done.returncode == 3 and says in done.stderr, done.stderr


def test_categories_are_refused(tmp_path):
    x = np.random.default_rng(1).integers(0, 6, (2000, 3)).astype(float)
    booster = lightgbm.train({"verbose": -1, "min_data_in_leaf": 5}, lightgbm.Dataset(x, x[:, 0] % 3, categorical_feature=[0]), 5)
    booster.save_model(tmp_path / "model.txt")
    done = subprocess.run([SCORES, str(tmp_path / "model.txt"), "1"], capture_output=True, text=True)
    assert done.returncode == 3 and "category" in done.stderr


@pytest.mark.parametrize("change, says", [
    (lambda t: t.replace("left_child=", "left_child=7 ", 1), "damaged"),
    (lambda t: re.sub(r"left_child=(\S+)", "left_child=0", t, count=1), "no tree"),
    (lambda t: re.sub(r"left_child=(\S+)", "left_child=-999", t, count=1), "no such child"),
    (lambda t: re.sub(r"split_feature=(\S+)", "split_feature=12", t, count=1), "feature 12 of 12"),
    (lambda t: re.sub(r"threshold=(\S+)", "threshold=nan", t, count=1), "damaged"),
    (lambda t: re.sub(r"leaf_value=(\S+)", "leaf_value=1e99", t, count=1), "no number"),
    (lambda t: re.sub(r"num_leaves=\d+", "num_leaves=99999999", t, count=1), "leaves"),
    (lambda t: t[:t.index("leaf_value")], "damaged"),
    (lambda t: t.split("\nTree=")[0], "no tree"),
    (lambda t: re.sub(r"max_feature_idx=\d+", "max_feature_idx=5000", t), "5001 features"),
    (lambda t: re.sub(r"max_feature_idx=\d+", "max_feature_idx=9223372036854775807", t), "9223372036854775807 features"),
    (lambda t: re.sub(r"num_tree_per_iteration=\d+", "num_tree_per_iteration=7", t), "trees for 7 classes"),
])
def test_damage_is_told(change, says, tmp_path):
    text = train(case(trees=3)).model_to_string()
    (tmp_path / "model.txt").write_text(change(text))
    done = subprocess.run([SCORES, str(tmp_path / "model.txt"), "1"], capture_output=True, text=True)
    assert done.returncode == 3 and says in done.stderr, done.stderr
