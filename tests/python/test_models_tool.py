"""`ats models`: the isotonic fit against scikit-learn, weights and measures against numpy on margins that XGBoost itself gives, and
what a run makes of a calibrated ensemble."""
import base64
import json
import os
import pathlib
import sqlite3
import struct
import subprocess

import pytest

np = pytest.importorskip("numpy")
xgboost = pytest.importorskip("xgboost")
isotonic = pytest.importorskip("sklearn.isotonic")
metrics = pytest.importorskip("sklearn.metrics")

ROOT = pathlib.Path(__file__).resolve().parents[2]
ATS = os.environ.get("ATS", str(ROOT / "build/release/ats"))
TOOL = os.environ.get("LEARN_VECTORS", str(ROOT / "build/release/tests/learn_vectors"))
DAY2, DAY3 = "1704292200", "1704378600"  # 2024-01-03 and -04, 14:30 UTC
HORIZON, HORIZON_NS, ROWS = "1s", 1_000_000_000, 30_000


def tool(*arguments, code=0):
    done = subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done.stdout


def ats(*arguments, code=0, **environment):
    done = subprocess.run([ATS, *map(str, arguments)], capture_output=True, text=True, timeout=300,
                          env={**os.environ, **{k: str(v) for k, v in environment.items()}})
    assert done.returncode == code, (done.returncode, done.stderr)
    return done


@pytest.fixture(autouse=True)
def no_cache(monkeypatch):
    monkeypatch.setenv("ATS_CACHE_DIR", "")


# ---- the fit --------------------------------------------------------------------------------------


def fit(path, x, y, weight, queries, rows_min=1, knots_max=256):
    x, y, weight, queries = (np.asarray(v) for v in (x, y, weight, queries))
    path.write_bytes(struct.pack("<QQ", len(x), len(queries)) + x.astype("<f4").tobytes() + y.astype("<f8").tobytes() +
                     weight.astype("<f8").tobytes() + queries.astype("<f4").tobytes())
    knots, at = tool("isotonic", path, rows_min, knots_max).split("at\n")
    return np.array([line.split() for line in knots.splitlines()], float), np.array(at.split(), float)


def points(kind, seed):
    r = np.random.default_rng(seed)
    n = int(r.integers(1, 400))
    x = np.round(r.normal(0, 2, n), int(r.integers(0, 2))).astype("f4")  # ties
    y = (r.random(n) < 1 / (1 + np.exp(-x))).astype(float)
    weight = np.ones(n)
    if kind == "constant":
        y[:] = 0.3
    elif kind == "one score":
        x[:] = 1.25
    elif kind == "rising":
        x = np.sort(r.normal(0, 2, n % 100 + 1).astype("f4"))
        y, weight = np.linspace(0.1, 0.9, len(x)), np.ones(len(x))
    elif kind == "falling":
        x = np.sort(x)
        y = np.linspace(0.9, 0.1, n)
    elif kind == "halves":
        y = r.integers(0, 3, n) / 2
    elif kind == "weighted":
        weight = r.exponential(1, n) + 0.01
    return x, y, weight


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", ["ties", "constant", "one score", "rising", "falling", "halves", "weighted"])
def test_fit_and_table_are_those_of_scikit_learn(tmp_path, kind, seed):
    x, y, weight = points(kind, seed)
    queries = np.concatenate([x, np.random.default_rng(seed).normal(0, 3, 500), [-1e30, 1e30]]).astype("f4")
    knots, chance = fit(tmp_path / "points.bin", x, y, weight, queries)
    theirs = isotonic.IsotonicRegression(out_of_bounds="clip").fit(x.astype(float), y, weight)
    assert np.abs(chance - theirs.predict(queries.astype(float))).max() < 1e-6
    assert (np.diff(knots[:, 0]) > 0).all() and (np.diff(knots[:, 1]) >= 0).all()
    mean = np.average(theirs.predict(x.astype(float)), weights=weight)
    assert np.average(chance[: len(x)], weights=weight) == pytest.approx(mean, abs=1e-6) == np.average(y, weights=weight)


@pytest.mark.parametrize("seed", range(8))
def test_a_table_with_fewer_knots_keeps_the_mean_and_loses_little(tmp_path, seed):
    r = np.random.default_rng(seed)
    x = r.normal(0, 2, 4000).astype("f4")
    y = (r.random(4000) < 1 / (1 + np.exp(-x))).astype(float)
    full, at_full = fit(tmp_path / "full.bin", x, y, np.ones(4000), x)
    less, at_less = fit(tmp_path / "less.bin", x, y, np.ones(4000), x, rows_min=100, knots_max=12)
    assert len(full) > 12 >= len(less) and (np.diff(less[:, 1]) >= 0).all()
    assert at_less.mean() == pytest.approx(y.mean(), abs=1e-6)
    ours, least = ((at_less - y) ** 2).mean(), ((at_full - y) ** 2).mean()
    assert least <= ours < least * 1.02
    blocks = np.searchsorted(np.unique(less[:, 1]), at_less)
    assert np.bincount(blocks).min() >= 100
    # As many quantiles as there are blocks do no better.
    edges = np.quantile(x, np.linspace(0, 1, len(np.unique(less[:, 1])) + 1)[1:-1])
    bins = np.searchsorted(edges, x)
    means = np.array([y[bins == b].mean() for b in range(bins.max() + 1)])
    assert ours <= ((means[bins] - y) ** 2).mean() + 2e-4


@pytest.mark.parametrize("x, y, weight", [([], [], []), ([np.nan], [0], [1]), ([1, 2], [0, np.inf], [1, 1]), ([1], [1], [0]),
                                          ([1, 2], [0, 1.5], [1, 1])])
def test_points_that_are_none_are_refused(tmp_path, x, y, weight):
    path = tmp_path / "points.bin"
    path.write_bytes(struct.pack("<QQ", len(x), 0) + np.array(x, "<f4").tobytes() + np.array(y, "<f8").tobytes() +
                     np.array(weight, "<f8").tobytes())
    tool("isotonic", path, 1, 256, code=1)


def expected_calibration_error(chance, outcome, bins=20):
    at = np.minimum((chance * bins).astype(int), bins - 1)
    return sum(abs(chance[at == b].mean() - outcome[at == b].mean()) * (at == b).mean() for b in np.unique(at))


@pytest.mark.parametrize("seed", range(4))
def test_reliability_is_that_of_scikit_learn(tmp_path, seed):
    r = np.random.default_rng(seed)
    chance = np.concatenate([r.random(3000), [0, 1]]).astype("f4")
    outcome = (r.random(3002) < chance ** 2).astype(float)
    (tmp_path / "pairs.bin").write_bytes(struct.pack("<Q", 3002) + chance.astype("<f4").tobytes() + outcome.astype("<f8").tobytes())
    brier, log_loss, error = map(float, tool("reliability", tmp_path / "pairs.bin").split())
    p = chance.astype(float)
    assert brier == pytest.approx(metrics.brier_score_loss(outcome, p), rel=1e-12)
    assert log_loss == pytest.approx(metrics.log_loss(outcome, np.clip(p, 6e-8, 1 - 6e-8)), rel=1e-9)
    assert error == pytest.approx(expected_calibration_error(p, outcome), rel=1e-9)


# ---- the commands ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models-tool")
    for name, seed, start in (("one", 1, "1704205800"), ("two", 2, DAY2), ("three", 3, DAY3)):
        ats("synth", "-q", "-o", folder / f"{name}.cap", "--seed", seed, "--duration", "12m", "--signal", 400, "--start", start)
    for name, horizon, trees in (("a", "500ms", 20), ("b", HORIZON, 10), ("c", "2s", 5)):
        ats("train", "-q", "-o", folder / f"{name}.json", "--trees", trees, "--horizon", horizon, "--stride", 2, folder / "one.cap")
    return folder


@pytest.fixture(scope="module")
def rows(days):
    """The rows that a command looks at, read without it: vectors, labels, and their times."""
    tool("labels", HORIZON_NS, ROWS, days / "two.cap", days / "labels.bin")
    data = (days / "labels.bin").read_bytes()
    n, features = struct.unpack("<QQ", data[:16])
    x = np.frombuffer(data, "<f4", n * features, 16).reshape(n, features)
    at = 16 + 4 * n * features
    y = np.frombuffer(data, "<f4", n, at)
    recv, label = np.frombuffer(data, "<i8", 2 * n, at + 4 * n).reshape(2, n)
    return x, y, recv, label


def margins(path, x):
    booster = xgboost.Booster(model_file=str(path))
    return booster.predict(xgboost.DMatrix(x, missing=np.nan), output_margin=True)


def on(days, *more):
    return ["--on", days / "two.cap", "--horizon", HORIZON, "--rows", ROWS, *more]


def test_show_tells_what_xgboost_tells(days):
    shown = json.loads(ats("models", "show", "--json", days / "a.json", days / "b.json").stdout)["models"]
    for model, name in zip(shown, "ab"):
        booster = xgboost.Booster(model_file=str(days / f"{name}.json"))
        frame = booster.trees_to_dataframe()
        splits = frame[frame.Feature != "Leaf"].Feature.value_counts()
        (member,) = model["members"]
        assert member["trees"] == frame.Tree.nunique() and member["nodes"] == len(frame)
        assert {f"f{u['number']}": u["splits"] for u in model["used"]} == splits.to_dict()
        assert member["features_used"] == model["features_used"] == len(splits) <= member["columns"]
        assert member["format"] == "XGBoost JSON" and member["depth"] == 6 and member["classes"] == 1
        assert model["feature_version"] == booster.attr("ats_feature_version") and model["feature_version_is_ours"]
        assert model["load"]["parsed_ns"] > 0 and model["load"]["cached_ns"] is None
        assert all(s["one_row_ns"] > 0 and s["rows_64_ns"] > s["one_row_ns"] for s in model["score"].values())
        assert "portable" in model["score"] and not model["calibrated"]
    names = {f["name"] for f in json.loads(ats("features", "list", "--json").stdout)["features"]}
    assert {u["name"] for u in shown[0]["used"]} <= names
    other = json.loads(ats("models", "show", "--json", "--timeframes", "1m", days / "a.json").stdout)["models"][0]
    assert not other["feature_version_is_ours"] and all(u["name"] is None for u in other["used"])
    assert "this program computes" in ats("models", "show", "--timeframes", "1m", days / "a.json").stdout


def test_show_times_the_cache(days, tmp_path):
    shown = json.loads(ats("models", "show", "--json", days / "a.json", ATS_CACHE_DIR=tmp_path).stdout)["models"][0]
    assert 0 < shown["load"]["cached_ns"] < shown["load"]["parsed_ns"]


def test_show_knows_the_formats(days, tmp_path):
    x = np.random.default_rng(1).normal(size=(500, 4))
    y = np.digitize(x[:, 0] + x[:, 1], [-0.5, 0.5])
    booster = xgboost.train({"objective": "multi:softprob", "num_class": 3, "max_depth": 3}, xgboost.DMatrix(x, y), 4)
    booster.save_model(str(tmp_path / "m.ubj"))
    (member,) = json.loads(ats("models", "show", "--json", tmp_path / "m.ubj").stdout)["models"][0]["members"]
    assert member["format"] == "XGBoost UBJSON" and member["classes"] == 3 and member["output"] == "probability a class"
    assert member["trees"] == 12 and member["train_first_at"] is None
    lightgbm = pytest.importorskip("lightgbm")
    light = lightgbm.train({"objective": "binary", "num_leaves": 7, "verbose": -1}, lightgbm.Dataset(x, y > 1), 5)
    light.save_model(str(tmp_path / "m.txt"))
    (member,) = json.loads(ats("models", "show", "--json", tmp_path / "m.txt").stdout)["models"][0]["members"]
    assert member["format"] == "LightGBM text" and member["trees"] == 5 and member["output"] == "probability"


def members_of(path):
    document = json.loads(path.read_text())
    return {m["name"]: (m["weight"], base64.b64decode(m["model"])) for m in document["members"]}


def test_combine_writes_weights_and_whole_members(days):
    out = days / "equal.json"
    ats("models", "combine", "-o", out, days / "a.json", days / "b.json")
    assert members_of(out) == {n: (0.5, (days / n).read_bytes()) for n in ("a.json", "b.json")}
    ats("models", "combine", "-q", "-o", out, "--weights", "3,1", days / "a.json", days / "b.json")
    assert [w for w, _ in members_of(out).values()] == [0.75, 0.25]
    nested = days / "nested.json"
    done = ats("models", "combine", "-o", nested, "--weights", "1,3", out, days / "c.json")
    assert [w for w, _ in members_of(nested).values()] == pytest.approx([0.1875, 0.0625, 0.75], abs=1e-15)
    assert "3 members" in done.stdout and not nested.with_suffix(".json.tmp").exists()


def test_combine_weighs_by_error_on_unseen_data(days, rows):
    x, y, _, _ = rows
    out = days / "weighed.json"
    told = json.loads(ats("models", "combine", "--json", "-o", out, *on(days), *(days / f"{n}.json" for n in "abc")).stdout)
    by = np.array([margins(days / f"{n}.json", x) for n in "abc"]).astype(float)
    errors = ((by - y) ** 2).mean(axis=1)
    weights = (1 / errors) / (1 / errors).sum()
    assert told["rows"] == len(y)
    assert [m["weight"] for m in told["models"]] == pytest.approx(list(weights), rel=1e-6)
    assert [w for w, _ in members_of(out).values()] == pytest.approx(list(weights), rel=1e-6)
    assert [m["rmse_bps"] for m in told["models"]] == pytest.approx(list(np.sqrt(errors)), rel=1e-6)
    assert [m["correlation"] for m in told["models"]] == pytest.approx([np.corrcoef(m, y)[0, 1] for m in by], rel=1e-5)
    mean = weights @ by
    assert told["rmse_bps"] == pytest.approx(np.sqrt(((mean - y) ** 2).mean()), rel=1e-6)
    assert told["correlation"] == pytest.approx(np.corrcoef(mean, y)[0, 1], rel=1e-5)
    split = ((by > 0).any(axis=0) & (by < 0).any(axis=0)).sum()
    assert told["split_rows"] == split > 0
    assert [m["opposed_rows"] for m in told["models"]] == pytest.approx([(np.sign(m) * np.sign(mean) < 0).sum() for m in by], abs=2)
    given = json.loads(ats("models", "combine", "--json", "-o", out, "--weights", "1,1,2", *on(days),
                           *(days / f"{n}.json" for n in "abc")).stdout)
    assert [m["weight"] for m in given["models"]] == [0.25, 0.25, 0.5] and given["models"][0]["rmse_bps"] == told["models"][0]["rmse_bps"]


def test_captures_that_the_shell_left_among_the_models_are_captures(days):
    out = days / "two-days.json"
    both = json.loads(ats("models", "combine", "--json", "-o", out, "--horizon", HORIZON, "--on", days / "two.cap", days / "three.cap",
                          days / "a.json", days / "b.json").stdout)
    again = json.loads(ats("models", "combine", "--json", "-o", out, "--horizon", HORIZON, "--on", days / "two.cap", "--on",
                           days / "three.cap", days / "a.json", days / "b.json").stdout)
    one = json.loads(ats("models", "combine", "--json", "-o", out, "--horizon", HORIZON, "--on", days / "two.cap", days / "a.json",
                         days / "b.json").stdout)
    assert both == again and both["rows"] > one["rows"] and len(both["models"]) == 2


def calibrate(days, out, *more):
    return json.loads(ats("models", "calibrate", "--json", "-o", out, *on(days), *more).stdout)


@pytest.mark.parametrize("block_rows", [1, 100])
def test_calibrate_does_what_scikit_learn_does(days, rows, block_rows):
    x, y, recv, label = rows
    out = days / "calibrated.json"
    told = calibrate(days, out, "--fit-share", "60%", "--block-rows", block_rows, days / "b.json")
    boundary = recv[0] + int((recv[-1] - recv[0]) * 0.6)
    early = recv < boundary
    late = recv > label[early].max()
    assert (told["fit_rows"], told["test_rows"], told["gap_rows"]) == (early.sum(), late.sum(), (~early & ~late).sum())
    score = margins(days / "b.json", x)
    outcome = np.where(y > 0, 1.0, np.where(y < 0, 0.0, 0.5))
    assert told["fit_flat_rows"] == (outcome[early] == 0.5).sum()
    assert told["base_rate"] == pytest.approx(outcome[early].mean(), rel=1e-12)
    theirs = isotonic.IsotonicRegression(out_of_bounds="clip").fit(score[early].astype(float), outcome[early])
    table = json.loads(out.read_text())["calibration"]
    chance = np.interp(score.astype(float), table["score"], table["chance"])
    assert told["knots"] == len(table["score"]) <= 256
    if block_rows == 1 and told["knots"] < 256:
        assert np.abs(chance - theirs.predict(score.astype(float))).max() < 1e-6
    else:  # merged blocks: each chance is the mean outcome of its rows, of 100 and more
        for value in np.unique(table["chance"]):
            mine = early & (np.abs(chance - value) < 1e-9)
            assert mine.sum() >= block_rows and outcome[mine].mean() == pytest.approx(value, abs=1e-6)
    for which, p in (("before", np.full(late.sum(), outcome[early].mean())), ("after", chance[late])):
        o, r = outcome[late], told[which]
        assert r["brier"] == pytest.approx(((p - o) ** 2).mean(), abs=1e-6)
        kept = np.clip(p, 6e-8, 1 - 6e-8)
        assert r["log_loss"] == pytest.approx(-(o * np.log(kept) + (1 - o) * np.log(1 - kept)).mean(), abs=2e-5)
        assert r["expected_calibration_error"] == pytest.approx(expected_calibration_error(p, o), abs=2e-4)
        moved = o != 0.5
        assert r["brier"] == pytest.approx((metrics.brier_score_loss(o[moved], p[moved]) * moved.sum() +
                                            ((p[~moved] - 0.5) ** 2).sum()) / len(o), abs=1e-6)
        assert sum(b["rows"] for b in r["bins"]) == late.sum()
    assert told["after"]["brier"] < told["before"]["brier"], "the made-up day has a signal"


def test_calibrate_keeps_the_members_of_an_ensemble(days):
    ats("models", "combine", "-q", "-o", days / "pair.json", "--weights", "2,1", days / "a.json", days / "b.json")
    calibrate(days, days / "pair-calibrated.json", days / "pair.json")
    assert members_of(days / "pair-calibrated.json") == members_of(days / "pair.json")
    again = calibrate(days, days / "pair-again.json", days / "pair-calibrated.json")
    assert (days / "pair-again.json").read_bytes() == (days / "pair-calibrated.json").read_bytes(), "an old table has no say"
    shown = json.loads(ats("models", "show", "--json", days / "pair-again.json").stdout)["models"][0]
    assert shown["calibrated"] and shown["knots"] == again["knots"] and shown["ensemble"]
    done = ats("models", "combine", "-o", days / "of-calibrated.json", days / "pair-again.json", days / "c.json")
    assert "is left out" in done.stdout and "calibration" not in json.loads((days / "of-calibrated.json").read_text())


def test_confidence_is_agreement_times_the_chance_that_the_table_gives(days, rows):
    x, *_ = rows
    ats("models", "combine", "-q", "-o", days / "pair.json", "--weights", "2,1", days / "a.json", days / "b.json")
    by = np.array([margins(days / f"{n}.json", x) for n in "ab"]).astype(float)
    for name, parts, weight in (("b", by[1:], [1.0]), ("pair", by, [2 / 3, 1 / 3])):
        out = days / f"live-{name}.json"
        calibrate(days, out, days / f"{name}.json")
        lines = tool("confidence", out, days / "labels.bin").splitlines()
        found = np.array([line.split() for line in lines], "f4").astype(float)  # the very float32 values
        mean = np.array(weight) @ parts
        deviation = np.sqrt(np.array(weight) @ (parts - mean) ** 2)
        table = json.loads(out.read_text())["calibration"]
        score = found[:, 0]  # not the mean: two knots of a table may be nearer than a rounding of it
        assert np.abs(score - mean).max() < 1e-5
        up = np.interp(score, table["score"], table["chance"])
        agreement = np.abs(mean) / (np.abs(mean) + deviation)
        # A mean of two scores is off by a rounding of them, which weighs where it is near 0.
        allowed = 1e-6 + 1e-6 * np.abs(parts).max(axis=0) / (np.abs(mean) + deviation)
        assert (np.abs(found[:, 1] - agreement * np.where(score < 0, 1 - up, up)) < allowed).all()


def entries(folder):
    with sqlite3.connect(folder / "store.db") as store:
        return np.array(store.execute("SELECT score FROM intents WHERE reason LIKE 'entry%'").fetchall(), float).ravel()


def test_a_run_opens_positions_by_the_table(days):
    out = days / "live.json"
    calibrate(days, out, days / "b.json")
    table = json.loads(out.read_text())["calibration"]

    def confidence(score):
        up = np.interp(score, table["score"], table["chance"])
        return np.where(score < 0, 1 - up, up)

    def run(name, least):
        ats("replay", "-q", "-c", ROOT / "configs/demo.yaml", "--run-dir", days / name, days / "three.cap", ATS_MODEL_PATH=out,
            ATS_STRATEGIES_MODEL_MIN_CONFIDENCE=least)
        assert json.loads((days / name / "run.json").read_text())["model"]["calibrated"]
        return confidence(entries(days / name))
    free = run("free", "0")
    least = float(np.round(np.median(free), 3))
    some = run("some", least)
    assert len(free) > 20 and free.min() < least - 0.01, "the limit has something to keep out"
    assert len(some) > 5 and some.min() >= least - 1e-6
    assert len(run("none", "0.999")) == 0


# ---- what is refused ------------------------------------------------------------------------------


def refused(says, code, *arguments, out=None, **environment):
    done = ats("models", *arguments, code=code, **environment)
    assert says in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
    assert out is None or not out.exists()


def test_data_that_a_model_has_seen_are_refused(days):
    out = days / "never.json"
    seen = ["--on", days / "one.cap", "--horizon", HORIZON]
    refused("was trained on 2024-01-02", 6, "calibrate", "-o", out, *seen, days / "a.json", out=out)
    refused("was trained on 2024-01-02", 6, "combine", "-o", out, *seen, days / "a.json", days / "b.json", out=out)
    ats("models", "calibrate", "-q", "-o", days / "allowed.json", "--allow-in-sample", *seen, days / "a.json")
    ats("models", "combine", "-q", "-o", days / "allowed.json", "--allow-in-sample", *seen, days / "a.json", days / "b.json")


def untold(days, **attributes):
    """A model that was trained elsewhere: of our features, silent on when it was trained."""
    booster = xgboost.Booster(model_file=str(days / "b.json"))
    booster.set_attr(ats_train_first_ns=None, ats_train_last_ns=None, **attributes)
    booster.save_model(str(days / "untold.json"))
    return days / "untold.json"


def test_a_model_that_does_not_tell_its_training_is_told(days):
    done = ats("models", "calibrate", "-o", days / "untold-out.json", *on(days), untold(days))
    assert "does not tell the time it was trained on" in done.stderr
    assert ats("models", "calibrate", "-q", "-o", days / "untold-out.json", *on(days), untold(days)).stderr == ""


def test_slips_of_usage(days):
    out, a, b = days / "never.json", days / "a.json", days / "b.json"
    refused("how far ahead", 2, "calibrate", "-o", out, "--on", days / "two.cap", a, out=out)
    refused("1 is the most", 2, "calibrate", "-o", out, *on(days), a, b, out=out)
    refused("--fit-share", 2, "calibrate", "-o", out, *on(days), "--fit-share", "100%", a, out=out)
    refused("2 numbers above 0", 2, "combine", "-o", out, "--weights", "1,x", a, b, out=out)
    refused("2 numbers above 0", 2, "combine", "-o", out, "--weights", "1", a, b, out=out)
    refused("2 numbers above 0", 2, "combine", "-o", out, "--weights", "1,0", a, b, out=out)
    refused("more than 2", 2, "combine", "-o", out, "--weights", "1,1,1", a, b, out=out)
    refused("17 models", 2, "combine", "-o", out, *[a] * 17, out=out)
    refused("is no ensemble", 2, "combine", "-o", days / "c.json", a, b)
    refused("also an input", 2, "combine", "-o", a, a, b)
    refused("takes no --output", 2, "show", "-o", out, a, out=out)


def test_models_that_do_not_go_together(days, tmp_path):
    out, a, b = days / "never.json", days / "a.json", days / "b.json"
    refused("the same model", 4, "combine", "-o", out, a, a, out=out)
    other = untold(days, ats_feature_version="00000000000000aa")
    refused("feature version 00000000000000aa", 4, "combine", "-o", out, a, other, out=out)
    refused("made for feature version 00000000000000aa", 3, "calibrate", "-o", out, *on(days), other, out=out)
    version = xgboost.Booster(model_file=str(b)).attr("ats_feature_version")
    x = np.random.default_rng(1).normal(size=(500, 4))
    for name, objective in (("chance", "binary:logistic"), ("forecast", "reg:squarederror")):
        booster = xgboost.train({"objective": objective, "max_depth": 2}, xgboost.DMatrix(x, x[:, 0] > 0), 2)
        booster.set_attr(ats_feature_version=version)
        booster.save_model(str(tmp_path / f"{name}.json"))
    refused("give --weights", 4, "combine", "-q", "-o", out, *on(days), tmp_path / "chance.json", b, out=out)
    ats("models", "combine", "-q", "-o", tmp_path / "ok.json", "--weights", "1,1", *on(days), tmp_path / "chance.json", b)
    ats("models", "combine", "-q", "-o", tmp_path / "ok.json", *on(days), tmp_path / "forecast.json", b)


def test_files_that_are_none(days, tmp_path):
    out = days / "never.json"
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "object").write_bytes(b"{}")
    for path, says in ((tmp_path / "nothing", "No such file"), (tmp_path / "empty", "not a file of 1 byte"),
                       (tmp_path / "object", "this is not an XGBoost model"), (tmp_path, "not a file of 1 byte")):
        refused(says, 4, "show", path)
        refused(says, 4, "combine", "-o", out, days / "a.json", path, out=out)
        refused(says, 4, "calibrate", "-o", out, *on(days), path, out=out)
    refused("No such file", 4, "calibrate", "-o", out, "--on", tmp_path / "no.cap", "--horizon", HORIZON, days / "a.json", out=out)
    refused("cannot be made", 1, "combine", "-o", tmp_path / "no/e.json", days / "a.json", days / "b.json")
    document = {"ats_model": 1, "members": [{"weight": 1, "model": "e30="}]}
    (tmp_path / "bad.json").write_text(json.dumps(document))
    refused("member 1 cannot be used", 4, "show", tmp_path / "bad.json")


def test_data_that_tell_nothing(days, tmp_path):
    out = days / "never.json"
    ats("synth", "-q", "-o", tmp_path / "short.cap", "--seed", 5, "--duration", "4s", "--start", DAY2)
    refused("too few", 4, "calibrate", "-o", out, "--on", tmp_path / "short.cap", "--horizon", HORIZON, "--rows", 300, days / "a.json",
            out=out)
    # A price that only rises, once a second: bars of a second make the vectors.
    lines = [f"{1704292200 * 10**9 + i * 10**9},A,{100 + i / 100:.2f},1" for i in range(3000)]
    (tmp_path / "up.csv").write_text("\n".join(["ts_utc_ns,symbol,price,size", *lines]) + "\n")
    ats("import", "taq-csv", "-q", tmp_path / "up.csv", "-o", tmp_path / "up.cap")
    seconds = json.loads(ats("features", "list", "--json", "--timeframes", "1s").stdout)["feature_version"]
    booster = xgboost.train({"max_depth": 2}, xgboost.DMatrix(np.random.default_rng(1).normal(size=(99, 4)), np.arange(99)), 2)
    booster.set_attr(ats_feature_version=seconds)
    booster.save_model(str(tmp_path / "seconds.json"))
    up = ["-q", "--on", tmp_path / "up.cap", "--timeframes", "1s", tmp_path / "seconds.json"]
    refused("there must be some of both", 4, "calibrate", "-o", out, "--horizon", "2s", *up, out=out)
    refused("no vector with a label", 4, "calibrate", "-o", out, "--horizon", "10h", *up, out=out)
