"""Feeds records to the feature formulas (tests/tools/feature_values.c) and reads every value in double."""
import os
import pathlib
import subprocess

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
DRIVER = os.environ.get("FEATURE_VALUES", str(ROOT / "build/release/tests/feature_values"))
QUOTE, TRADE, BAR, ACTION = 1, 2, 3, 6


def record(kind, time_ns, *values, symbol=0):
    row = np.zeros(12)
    row[0], row[1] = kind, symbol
    row[2], row[3] = divmod(int(time_ns), 10**9)
    row[4:4 + len(values)] = values
    return row


def bars(start_s, period_s, open_, high, low, close, volume, symbol=0):
    """Bars one after the other; the record comes at the bar's end."""
    n = len(open_)
    rows = np.zeros((n, 12))
    rows[:, 0], rows[:, 1] = BAR, symbol
    rows[:, 2] = np.asarray(start_s, float) + period_s
    for i, column in enumerate((open_, high, low, close, volume)):
        rows[:, 4 + i] = column
    rows[:, 9] = period_s
    return rows


def values(records, timeframes):
    """One dict of arrays: name -> value after each record of symbol 0."""
    names = subprocess.run([DRIVER, timeframes, "names"], capture_output=True, text=True, check=True).stdout.split()
    data = np.ascontiguousarray(np.vstack(records), dtype=np.float64)
    done = subprocess.run([DRIVER, timeframes], input=data.tobytes(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    table = np.frombuffer(done.stdout, dtype=np.float64).reshape(-1, len(names))
    return {name: table[:, i] for i, name in enumerate(names)}


def assert_equal(got, want, what, scale=None, tolerance=1e-9):
    """Same places ready, and equal to `tolerance` of the value or of `scale` (the size of what the value was
    subtracted from, where it is a difference)."""
    got, want = np.asarray(got, float), np.array(want, float)
    undecided = np.isinf(want)
    assert undecided.mean() < 0.2, f"{what}: {undecided.mean():.0%} of the reference is undecided"
    want[undecided] = got[undecided]
    ready = ~np.isnan(want)
    assert (ready == ~np.isnan(got)).all(), (
        f"{what}: ready where the reference is not, or the other way round: first at "
        f"{np.flatnonzero(ready != ~np.isnan(got))[:5]}, first ready {np.flatnonzero(~np.isnan(got))[:1]} / "
        f"{np.flatnonzero(ready)[:1]}")
    assert ready.any(), f"{what}: the reference has no value"
    size = np.maximum(np.abs(want), 0 if scale is None else np.abs(scale))
    error = np.abs(got - want)[ready] / np.maximum(size[ready] if np.ndim(size) else size, 1e-300)
    error[(got == want)[ready]] = 0
    worst = np.argmax(error)
    at = np.flatnonzero(ready)[worst]
    assert error[worst] <= tolerance, f"{what}: at {at}: {got[at]!r}, reference {want[at]!r}, off by {error[worst]:.2e}"
    return error[worst]
