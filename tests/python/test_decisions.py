"""The pieces that strategies decide with (regime, confluence, timeframe selector, peaks, holding times) against numpy and
pandas, each computed afresh from the whole series in the words of its header."""
import math
import os
import subprocess

import numpy as np
import pandas as pd
import pytest
import talib

DRIVER = os.environ.get("DECISION_VALUES", "build/release/tests/decision_values")


def driven(piece, lines):
    done = subprocess.run([DRIVER, piece], input="\n".join(lines) + "\n", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [[float(x) for x in line.split()] for line in done.stdout.splitlines()]


def near(have, want, tolerance=1e-9):
    return (math.isnan(have) and math.isnan(want)) or abs(have - want) <= tolerance * max(1, abs(want))


def made_up(seed, count):
    """Closes with calm and wild stretches, up and down, and one where nothing moves."""
    rng = np.random.default_rng(seed)
    sigma = np.repeat(rng.choice([0.001, 0.004, 0.02], count // 50 + 1), 50)[:count]
    drift = np.repeat(rng.choice([-0.5, 0, 0.5], count // 70 + 1), 70)[:count] * sigma
    returns = rng.normal(drift, sigma)
    returns[count // 2:count // 2 + 150] = 0
    index = 0.7 * returns + rng.normal(0, 0.004, count)
    index[rng.random(count) < 0.1] = np.nan  # bars that the index did not have
    index[count // 2:count // 2 + 40] = 0
    return np.round(100 * np.exp(np.cumsum(returns)), 6), index


# ---- regime -------------------------------------------------------------------------------------

@pytest.mark.parametrize("seed", range(4))
def test_regime(seed):
    close, index = made_up(seed, 3000)
    lines = driven("regime", [f"{c!r} {i!r}" for c, i in zip(close.tolist(), index.tolist())])
    have, matrix, history = lines[:len(close)], lines[len(close):-1], lines[-1]
    r = pd.Series(np.log(close[1:] / close[:-1]))
    s = {n: r.rolling(n).std() for n in (20, 50, 100)}
    for n in s:  # pandas slides its sums: what is exactly 0 comes out as a speck
        s[n] = s[n].where(r.abs().rolling(n).max() > 0, 0).where(s[n].notna())
    ratio = (s[20] / s[100]).where(s[100] > 0, 1).where(s[100].notna())
    t = (r.rolling(50).mean() / (s[50] / np.sqrt(50))).where(s[50] > 0, 0).where(s[50].notna())
    paired = pd.DataFrame(dict(own=r, index=index[1:])).dropna()
    correlation = paired.own.rolling(30).corr(paired["index"])
    still = (paired.rolling(30).max() == paired.rolling(30).min()).any(axis=1)
    correlation = correlation.where(~still).reindex(r.index)
    last, labels = math.nan, []
    known = paired.index
    for n, (label, volatility, a, b, c) in enumerate(have[1:]):
        assert near(volatility, s[20][n]) and near(a, ratio[n], 1e-6) and near(b, t[n], 1e-6), n
        last = correlation[n] if n in known else last  # between pairs the last one stands
        assert near(c, last, 1e-6), n
        if math.isnan(ratio[n]):
            assert label == 9
            continue
        close_call = min(abs(ratio[n] - 0.75), abs(ratio[n] - 1.5), abs(abs(t[n]) - 1)) < 1e-9
        want = 3 * int(0 if ratio[n] < 0.75 else 2 if ratio[n] > 1.5 else 1) + int(0 if t[n] < -1 else 2 if t[n] > 1 else 1)
        assert label == want or close_call, n
        labels.append(int(label))
    assert len(set(labels)) >= 7, "most kinds of market were there"
    counts = np.zeros((9, 9))
    np.add.at(counts, (labels[:-1], labels[1:]), 1)
    with np.errstate(invalid="ignore"):
        chances = counts / counts.sum(axis=1, keepdims=True)
    assert np.allclose(np.array(matrix), chances, equal_nan=True)
    assert history == labels[-1:-65:-1] + [9.0]


# ---- confluence ---------------------------------------------------------------------------------

def test_confluence():
    rng, lines, cases = np.random.default_rng(1), [], []
    for _ in range(2000):
        n = int(rng.integers(1, 9))
        weight = rng.choice([0, 1, 0.5, 2.25], n)
        view = np.where(rng.random(n) < 0.25, np.nan, rng.uniform(-1.3, 1.3, n))
        factor = rng.choice([0, 1, 1.5], n)
        regime, least = int(rng.integers(0, 10)), float(rng.choice([0, 0.5, 0.8]))
        cases.append((n, weight, view, factor, regime, least))
        lines.append(" ".join(map(repr, [float(regime), least, float(n)] + np.stack([weight, view, factor], 1).ravel().tolist())))
    scored = 0
    for (n, weight, view, factor, regime, least), (score, share, chance, *parts) in zip(cases, driven("confluence", lines)):
        w = weight * (factor if regime < 9 and factor.any() else 1)
        known = ~np.isnan(view)
        want_share = w[known].sum() / w.sum() if w.sum() else 0
        assert near(share, want_share)
        if w[known].sum() == 0 or want_share < least:
            assert math.isnan(score) and math.isnan(chance) and not any(parts)
            continue
        want = np.where(known, w * np.clip(np.nan_to_num(view), -1, 1), 0) / w[known].sum()
        assert np.allclose(parts, want) and near(score, want.sum()) and -1 <= score <= 1
        assert near(sum(parts), score)
        assert near(chance, np.interp(score, [-0.5, 0, 0.5], [0.25, 0.5, 0.875]), 1e-6)
        scored += 1
    assert scored > 500


# ---- selector -----------------------------------------------------------------------------------

def test_selector():
    rng = np.random.default_rng(2)
    profits = rng.normal(0, 1, 100).tolist() + [math.nan]
    have = driven("selector", [f"t {p!r}" for p in profits])
    for n in range(100):
        assert near(have[n][0], 0.5 + 0.5 * np.clip(profits[max(0, n - 19):n + 1], -1, 1).sum() / 20)
    assert have[100] == have[99], "a trade without a risk is not counted"

    def parts(a, b, v, w, s, p):
        activity = [np.clip(x / y / 2, 0, 1) if y > 0 else np.nan for x, y in ((a, b), (v, w))]
        return np.array([*activity, np.clip(1 - s / a, 0, 1) if a > 0 else np.nan, p])

    cases = [np.where(rng.random(6) < 0.2, np.nan, rng.uniform(0, [2, 1, 900, 500, 0.5, 1])) for _ in range(500)]
    weights = np.array([0.3, 0.2, 0.2, 0.3])
    for case, [mark] in zip(cases, driven("selector", ["m " + " ".join(map(repr, c.tolist())) for c in cases])):
        p = parts(*case)
        known = ~np.isnan(p)
        assert near(mark, (weights * p)[known].sum() / weights[known].sum() if known.any() else math.nan)
    choices = [("-1 0.1 0.2 0.5 0.5", 1), ("0 0.1 0.5 0.59 nan", 0), ("0 0.1 0.5 0.61", 1), ("0 0.1 nan 0.2", 1),
               ("-1 0 nan nan", -1), ("5 0 0.1 0.2", 1)]
    assert [x for [x] in driven("selector", ["c " + c for c, _ in choices])] == [want for _, want in choices]


# ---- peaks --------------------------------------------------------------------------------------

def test_peaks():
    rng = np.random.default_rng(3)
    close, _ = made_up(7, 1500)
    volume = rng.uniform(100, 1000, len(close)) * (1 + np.sin(np.arange(len(close)) / 30) / 2)
    rsi, pattern = talib.RSI(close, 14), rng.choice([0, 0, -0.8, 0.6, 1], len(close))
    have = driven("peak", [f"{a!r} {b!r} {c!r} {d!r}" for a, b, c, d in
                           zip(close.tolist(), volume.tolist(), rsi.tolist(), pattern.tolist())])
    roc = {n: pd.Series(close) / pd.Series(close).shift(n) - 1 for n in (5, 10, 20)}
    mean = {n: pd.Series(volume).rolling(n).sum() for n in (5, 10, 20)}
    peaks = 0
    for i, marks in enumerate(have):
        if i < 40:
            assert all(map(math.isnan, marks))
            continue
        for side, mark in zip((1, -1), marks):
            tired = sum(side * roc[n][i] > 0 and side * roc[n][i] < side * roc[n][i - 1] for n in roc)
            thin = sum(side * roc[n][i] > 0 and mean[n][i] < mean[n][i - n] for n in roc)
            momentum = 0.5 * min(max(side * (rsi[i] - 50) / 20, 0), 1) + 0.5 * tired / 3
            assert near(mark, 0.4 * momentum + 0.3 * thin / 3 + 0.3 * max(0, -side * pattern[i])), i
            peaks += mark >= 0.3
    assert 50 < peaks < 2 * len(close)


# ---- holding times ------------------------------------------------------------------------------

def test_holding_times():
    rng, lines, watched, want = np.random.default_rng(4), [], [], []
    closes = {k: 100.0 for k in range(3)}
    for _ in range(6000):
        key, what = int(rng.integers(3)), rng.random()
        if what < 0.03:
            side, risk = int(rng.choice([-1, 1])), float(rng.choice([0, 1, 2.5]))
            lines.append(f"e {key} {side} {closes[key]!r} {risk!r}")
            if risk:
                watched.append(dict(key=key, side=side, price=closes[key], risk=risk, path=[]))
                watched = watched[-64:]
        elif what < 0.035:
            lines.append(f"s {key} 0.5")
            closes[key] *= 0.5
            for e in watched:
                if e["key"] == key:
                    e["price"], e["risk"] = e["price"] * 0.5, e["risk"] * 0.5
        else:
            closes[key] *= math.exp(rng.normal(0.0005, 0.01))
            lines.append(f"b {key} {closes[key]!r}")
            for e in watched:
                if e["key"] == key and len(e["path"]) < 64:
                    profit = e["side"] * (closes[key] - e["price"]) / e["risk"]
                    e["path"].append(-1.0 if profit <= -1 or -1.0 in e["path"] else profit)
        done = np.array([e["path"] for e in watched if len(e["path"]) == 64][-32:], dtype=np.float32).astype(float)
        want.append((0, 0.0) if len(done) < 3 else (int(done.mean(axis=0).argmax()) + 1, done.mean(axis=0).max()))
    have = driven("holding", lines)
    for n, ((best, mean), (want_best, want_mean)) in enumerate(zip(have, want)):
        assert (best == want_best or near(mean, want_mean, 1e-12)) and near(mean, want_mean), n
    assert len({b for b, _ in want}) > 5
