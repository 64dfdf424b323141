"""Scores against the XGBoost library that the program itself is built with (Debian 12 has 1.7), of models that this library
trained and wrote, on every way through the forest. Its files are of an older schema than those of test_forest.py."""
import json
import os
import pathlib
import subprocess

import numpy as np
import pytest

from test_forest import BATCHES, CASES, FEATURES, hard_rows, labels, market, score, ways

ROOT = pathlib.Path(__file__).resolve().parents[2]
REFERENCE = os.environ.get("XGBOOST_REFERENCE", str(ROOT / "build/release/tests/xgboost_reference"))
VERSION = subprocess.run([REFERENCE, "--version"], capture_output=True, text=True)
if VERSION.returncode == 77:
    pytest.skip("built without XGBoost", allow_module_level=True)
MAJOR = int(VERSION.stdout.split(".")[0])

# Not in 1.x.
NEWER = {"reg:quantileerror"} if MAJOR < 2 else set()
MORE = {
    "approx": {"objective": "reg:squarederror", "trees": 20, "parameters": {"max_depth": 6, "tree_method": "approx"}},
    "rank:map": {"objective": "rank:map", "trees": 12, "parameters": {"max_depth": 5}},
}
MODELS = {name: c for name, c in {**CASES, **MORE}.items() if name not in NEWER}


def reference(c, folder, x):
    """Trains in `folder`; margins of the rows x, or None to train only."""
    train = market(6000, 1)
    y, query = labels(c, train)
    if c["objective"] == "rank:map":
        y = (y > 2).astype(float)
    rows = np.zeros((0, FEATURES), np.float32) if x is None else x
    head = np.array([len(train), FEATURES, query, c["objective"] == "survival:aft"], np.uint32)
    data = b"".join([head.tobytes(), train.astype(np.float32).tobytes(), np.asarray(y, np.float32).tobytes(),
                     np.uint32(max(1, len(rows))).tobytes(), (rows if len(rows) else train[:1]).astype(np.float32).tobytes()])
    parameters = {"objective": c["objective"], **c["parameters"]}
    done = subprocess.run([REFERENCE, str(c["trees"]), str(folder / "model.json"), str(folder / "model.ubj"),
                           *(f"{k}={v}" for k, v in parameters.items())], input=data, capture_output=True, timeout=600)
    assert done.returncode == 0, done.stderr.decode()
    return np.frombuffer(done.stdout, np.float32).reshape(max(1, len(rows)), -1)


@pytest.fixture(scope="module", params=MODELS)
def model(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("installed")
    c = MODELS[request.param]
    reference(c, folder, None)
    x = hard_rows(json.loads((folder / "model.json").read_text()))
    return {"folder": folder, "x": x, "margins": reference(c, folder, x)}


@pytest.mark.parametrize("way", ways())
def test_every_way_gives_the_librarys_bits(model, way):
    for ending in ("json", "ubj"):
        margins, _ = score(model["folder"] / f"model.{ending}", model["x"], BATCHES, way)
        unequal = (margins.view(np.uint32) != model["margins"].view(np.uint32)).any(axis=1)
        assert unequal.sum() == 0, f"{unequal.sum()} of {len(unequal)} rows; first {np.flatnonzero(unequal)[:3]}"
