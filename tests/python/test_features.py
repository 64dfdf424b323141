"""Drift, importance and correlation against numpy, scipy and xgboost."""
import json
import os
import struct
import subprocess

import pytest

from conftest import ROOT, ats, data_file, run_json

np = pytest.importorskip("numpy")
stats = pytest.importorskip("scipy.stats")

TOOL = os.environ.get("LEARN_VECTORS", str(ROOT / "build" / "release" / "tests" / "learn_vectors"))


def tool(*arguments):
    done = subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def save(path, x):
    x = np.asarray(x, dtype="<f4")
    path.write_bytes(struct.pack("<QQ", *x.shape) + x.tobytes() + bytes(4 * len(x)))
    return path


def load(path):
    data = path.read_bytes()
    rows, features = struct.unpack("<QQ", data[:16])
    values = np.frombuffer(data, dtype="<f4", offset=16)
    return values[: rows * features].reshape(rows, features), values[rows * features:]


def columns(seed, rows):
    """Columns of all sorts: continuous, heavy tails, few values, constants, missing ones."""
    r = np.random.default_rng(seed)
    x = np.empty((rows, 10), dtype="f4")
    x[:, 0] = r.normal(0, 1, rows)
    x[:, 1] = r.normal(0.3 * seed, 1 + 0.2 * seed, rows)
    x[:, 2] = r.standard_t(2, rows)
    x[:, 3] = r.integers(-1, 2, rows)
    x[:, 4] = 7
    x[:, 5] = np.where(r.random(rows) < 0.1 * seed, np.nan, r.normal(0, 1, rows))
    x[:, 6] = np.nan
    x[:, 7] = np.round(x[:, 0] + r.normal(0, 0.1, rows), 1)
    x[:, 8] = np.where(r.random(rows) < 0.3, np.nan, -x[:, 0] ** 3)
    x[:, 9] = np.where(r.random(rows) < 0.9, 0, np.inf)
    return x


def psi(before, now, bins=20, epsilon=1e-4):
    """By definition: bins between the order statistics at the even ranks, and one of missing."""
    finite = np.sort(before[np.isfinite(before)])
    edges = []
    if len(finite):
        for k in range(1, bins):
            i = ((len(finite) - 1) * (200 * k // bins) + 100) // 200
            if finite[i] < finite[-1] and (not edges or finite[i] > edges[-1]):
                edges.append(finite[i])
    shares = []
    for x in (now, before):
        place = np.where(np.isfinite(x), np.searchsorted(np.array(edges), x, side="left"), bins)
        shares.append(np.bincount(place, minlength=bins + 1) / len(x))
    a, e = shares
    used = (a > 0) | (e > 0)
    a, e = np.maximum(a[used], epsilon), np.maximum(e[used], epsilon)
    return float(np.sum((a - e) * np.log(a / e)))


def test_psi_and_ks_are_those_of_numpy_and_scipy(work):
    before, now = columns(1, 20011), columns(2, 7001)
    lines = tool("drift", save(work / "before.bin", before), save(work / "now.bin", now))
    seen = [line.split() for line in lines.splitlines()]
    assert sorted(int(s[0]) for s in seen) == list(range(10))
    assert [float(s[1]) for s in seen] == sorted((float(s[1]) for s in seen), reverse=True)
    for feature, got_psi, ks, p, exact, exact_p in ((int(s[0]), *map(float, s[1:])) for s in seen):
        a, b = before[:, feature], now[:, feature]
        assert got_psi == pytest.approx(psi(a, b), abs=1e-9), feature
        a, b = a[np.isfinite(a)], b[np.isfinite(b)]
        if not len(a) or not len(b):
            assert np.isnan(ks) and np.isnan(exact)
            continue
        expected = stats.ks_2samp(a, b, method="asymp")
        assert exact == pytest.approx(expected.statistic, abs=1e-12), feature
        assert abs(ks - expected.statistic) <= 1 / 200, "the grid's bound"
        n = len(a) * len(b) / (len(a) + len(b))
        for got, d in ((exact_p, exact), (p, ks)):
            assert got == pytest.approx(stats.kstwobign.sf(d * np.sqrt(n)), rel=1e-9, abs=1e-15)


def test_pearson_and_spearman_are_those_of_scipy_on_complete_pairs(work):
    x = columns(2, 3001)
    lines = tool("correlate", save(work / "rows.bin", x)).splitlines()
    got = np.array([[float(v) for v in line.split()] for line in lines]).reshape(2, 10, 10)
    wide = np.where(np.isfinite(x), x, np.nan).astype("f8")
    compared = 0
    for i in range(10):
        for k in range(10):
            both = np.isfinite(wide[:, i]) & np.isfinite(wide[:, k])
            a, b = wide[both, i], wide[both, k]
            if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
                assert np.isnan(got[:, i, k]).all(), (i, k)
                continue
            assert got[0, i, k] == pytest.approx(stats.pearsonr(a, b).statistic, abs=1e-10)
            assert got[1, i, k] == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-10)
            compared += 1
    assert compared >= 49


@pytest.fixture(scope="module")
def trained(work):
    if "no-xgboost" in ats("--version").stdout:
        pytest.skip("this build has no XGBoost to train with")
    ats("synth", "-o", work / "day1.cap", "--seed", 1, "--duration", "10m", "--signal", 400)
    ats("synth", "-o", work / "day2.cap", "--seed", 2, "--duration", "5m", "--signal", 400,
        "--start", 1704292200)
    model = work / "importance.json"
    ats("train", "-o", model, "--trees", 30, "--horizon", "500ms", "--threads", 2,
        work / "day1.cap")
    return model


def importance(model, *arguments):
    return json.loads(ats("features", "importance", "--json", "--model", model, *arguments).stdout)


def test_gain_and_shap_are_those_of_xgboost(trained, work):
    xgboost = pytest.importorskip("xgboost")
    found = importance(trained, "--rows", 4000, "--repeats", 1, work / "day2.cap")
    tool("sample", 500_000_000, 4000, work / "day2.cap", work / "sample.bin")
    x, y = load(work / "sample.bin")
    assert found["rows"] == len(x) > 1000
    booster = xgboost.Booster(model_file=str(trained))
    margin = booster.predict(xgboost.DMatrix(x), output_margin=True)
    assert found["metric_value"] == pytest.approx(float(np.sqrt(np.mean((margin - y) ** 2))), rel=1e-5)
    shap = np.abs(booster.predict(xgboost.DMatrix(x), pred_contribs=True)).mean(axis=0)
    names = [f["feature"] for f in
             json.loads(ats("features", "check", "--json", work / "day2.cap").stdout)["features"]]
    scores = {kind: booster.get_score(importance_type=kind)
              for kind in ("total_gain", "weight", "total_cover")}
    for f in found["features"]:
        i = names.index(f["feature"])
        assert f["shap"] == pytest.approx(float(shap[i]), abs=1e-5), f["feature"]
        for kind, score in scores.items():
            assert f[kind] == pytest.approx(score.get(f"f{i}", 0), rel=1e-5)
    assert len(scores["weight"]) > 5


def test_training_tells_the_gain_of_every_feature(trained, work):
    """Also of those beyond the 256th: four timeframes make more."""
    xgboost = pytest.importorskip("xgboost")
    model = work / "many.json"
    told = json.loads(ats("train", "-q", "--json", "-o", model, "--trees", 30, "--horizon", "500ms",
                          "--timeframes", "1s,2s,5s,10s", "--threads", 2, work / "day1.cap").stdout)["gain"]
    score = xgboost.Booster(model_file=str(model)).get_score(importance_type="total_gain")
    total = sum(score.values())
    assert any(int(name[1:]) >= 256 for name in score)
    for i, (name, gain) in enumerate(told.items()):
        assert gain == pytest.approx(score.get(f"f{i}", 0) / total, rel=1e-4), name


@pytest.mark.parametrize("metric", ["rmse", "ic", "auc"])
def test_permutation_finds_what_the_day_was_made_from(trained, work, metric):
    """The made day's signal is in the queues; a feature without a split cannot matter."""
    found = importance(trained, "--rows", 4000, "--metric", metric, work / "day2.cap")
    rows = {f["feature"]: f for f in found["features"]}
    best = max(rows.values(), key=lambda f: f["permutation"])
    assert best["feature"].startswith(("queue_imbalance", "order_flow_imbalance"))
    assert best["permutation"] > 5 * best["permutation_spread"] > 0
    assert all(f["permutation"] == 0 for f in rows.values() if f["weight"] == 0)
    again = importance(trained, "--rows", 4000, "--metric", metric, work / "day2.cap")
    assert again["features"] == found["features"], "seeded"
    other = importance(trained, "--rows", 4000, "--metric", metric, "--seed", 2, work / "day2.cap")
    assert other["features"] != found["features"]
    blocks = importance(trained, "--rows", 4000, "--metric", metric, "--block", "10s",
                        work / "day2.cap")
    assert blocks["features"] != found["features"] and blocks["block_s"] == 10


def test_metrics_are_those_of_scipy(trained, work):
    xgboost = pytest.importorskip("xgboost")
    tool("sample", 500_000_000, 4000, work / "day2.cap", work / "metric.bin")
    x, y = load(work / "metric.bin")
    margin = xgboost.Booster(model_file=str(trained)).predict(xgboost.DMatrix(x), output_margin=True)
    up = stats.mannwhitneyu(margin[y > 0], margin[y <= 0]).statistic
    expected = {"ic": stats.pearsonr(margin, y).statistic,
                "auc": up / ((y > 0).sum() * (y <= 0).sum())}
    for metric, value in expected.items():
        found = importance(trained, "--rows", 4000, "--repeats", 1, "--metric", metric,
                           work / "day2.cap")
        assert found["metric_value"] == pytest.approx(float(value), abs=1e-6), metric


def test_history_tells_how_ranks_changed(trained, work):
    history = work / "history.jsonl"
    for rows in (4000, 1000):
        importance(trained, "--rows", rows, "--repeats", 1, "--history", history, work / "day2.cap")
    lines = [json.loads(line) for line in history.read_text().splitlines()]
    assert len(lines) == 2
    changes = json.loads(ats("features", "importance", "--json", "--history", history).stdout)
    for f in changes["features"]:
        ranks = [1 + [g["feature"] for g in line["features"]].index(f["feature"]) for line in lines]
        assert [f["rank_before"], f["rank"]] == ranks
    history.write_text("{}\n")
    assert ats("features", "importance", "--history", history, check=False).returncode == 4


def drift(model, *arguments):
    return json.loads(ats("features", "drift", "--json", "--model", model, *arguments).stdout)


def test_a_day_does_not_drift_from_itself_and_another_does(trained, work):
    same, = drift(trained, work / "day1.cap")["tables"]
    other, = drift(trained, work / "day2.cap")["tables"]
    assert all(f["band"] in ("stable", "moved", "drifted") for f in same["features"])
    psi_of = lambda table, name: next(f["psi"] for f in table["features"] if f["feature"] == name)
    assert psi_of(same, "spread_bps") < 0.1
    assert psi_of(other, "spread_bps") > 0.25, "another symbol's spread"
    both = drift(trained, "--by", "day", work / "day1.cap", work / "day2.cap")["tables"]
    assert [t["day"] for t in both] == ["2024-01-02", "2024-01-03"]
    done = ats("features", "drift", "--model", trained, work / "day2.cap")
    assert "have drifted" in done.stderr and "spread_bps" in done.stdout


def test_days_of_few_rows_are_joined(trained, work):
    """PSI of a handful of rows says nothing."""
    for rows, tables in ((20000, 2), (100, 1)):
        done = ats("features", "drift", "--json", "--by", "day", "--rows", rows, "--model", trained,
                   work / "day1.cap", work / "day2.cap")
        assert len(json.loads(done.stdout)["tables"]) == tables


def test_a_run_names_the_features_that_drifted(trained, work, demo_config):
    config = work / "drift.yaml"
    config.write_text(demo_config.replace('path: ""', "path: importance.json"))
    found = {}
    for day in ("day1", "day2"):
        ats("backtest", "-c", config, "--run-dir", work / f"drift-{day}", work / f"{day}.cap")
        found[day] = [w for w in run_json(work / f"drift-{day}")["warnings"] if "drift" in w]
    table, = drift(trained, work / "day2.cap")["tables"]
    worst = [f["feature"] for f in table["features"] if f["psi"] >= 0.25]
    assert len(found["day2"]) == 1 and any(name in found["day2"][0] for name in worst[:2])
    assert not any("spread_bps" in w for w in found["day1"])
    path = trained.with_name("importance.distribution.json")
    whole = path.read_text()
    path.write_text("{}")
    ats("backtest", "-c", config, "--run-dir", work / "drift-unknown", work / "day2.cap")
    path.write_text(whole)
    assert any("drift_unknown" in w for w in run_json(work / "drift-unknown")["warnings"])


def test_a_distribution_that_is_damaged_or_missing_is_refused(trained, work):
    path = trained.with_name("importance.distribution.json")
    whole = path.read_text()
    try:
        for damage in ("", "{", "[]", whole[:-20], whole.replace('"rows":', '"lines":', 1),
                       whole.replace('"counts":[', '"counts":[1,', 1)):
            path.write_text(damage)
            done = ats("features", "drift", "--model", trained, work / "day2.cap", check=False)
            assert done.returncode == 4 and "distribution.json" in done.stderr
        path.unlink()
        assert ats("features", "drift", "--model", trained, work / "day2.cap", check=False).returncode == 4
    finally:
        path.write_text(whole)


def test_every_value_of_a_recorded_day_is_in_its_range(work):
    files = data_file("highfrequency_taq", "XXX_2018-01-02_*.csv.zst")
    ats("import", "taq-csv", *files, "-o", work / "range.cap")
    found = json.loads(ats("features", "check", "--json", work / "range.cap").stdout)
    assert found["bad"] == 0 and found["vectors"] > 50_000
    for f in found["features"]:
        assert f["values"] + f["not_ready"] == found["vectors"]
        if f["values"] == 0:
            continue
        assert f["low"] is None or f["min"] >= f["low"] - 1e-6
        assert f["high"] is None or f["max"] <= f["high"] + 1e-6
