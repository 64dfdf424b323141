"""Covariances of daily returns: as numpy computes them, read by a run, and in force at the gate and in sizes."""
import csv
import os
import sqlite3

import numpy
import pytest

import audit
from conftest import ROOT, ats, run_json

DAYS = 60


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Three symbols; two of them move together. Volumes are large, so that bars fill."""
    folder = tmp_path_factory.mktemp("covariance")
    rng = numpy.random.default_rng(3)
    common, own = rng.normal(0, 0.02, DAYS), rng.normal(0, 0.004, (3, DAYS))
    returns = numpy.array([common + own[0], common + own[1], rng.normal(0, 0.01, DAYS)])
    closes = 100 * numpy.exp(numpy.cumsum(returns, axis=1))
    days = numpy.busday_offset("2018-05-29", numpy.arange(DAYS + 1), roll="forward", holidays=["2018-07-04"])[:DAYS]
    with open(folder / "bars.csv", "w") as f:
        for d, day in enumerate(days):
            for s, name in enumerate(("AAA", "BBB", "CCC")):
                c = f"{closes[s, d]:.2f}"
                f.write(f"{day} 00:00:00,{c},{float(c) + .5:.2f},{float(c) - .5:.2f},{c},1000000,{name}\n")
    ats("import", "bar-csv", folder / "bars.csv", "-o", folder / "bars.cap", "--columns", "time,open,high,low,close,volume,symbol",
        "--time-format", "%Y-%m-%d %H:%M:%S", "--zone", "America/New_York", "--bar-time", "start", "--period", "24h", "--class",
        "equity", "--no-header")
    ats("covariance", "-q", "-o", folder / "risk.csv", "--shrink", "25%", folder / "bars.cap")
    return folder


def rows(path):
    with open(path) as f:
        return {(r["symbol_a"], r["symbol_b"]): float(r["covariance"]) for r in csv.DictReader(f)}


def test_they_are_those_of_numpy(place):
    import json
    closes = {}
    for line in ats("capture", "cat", "--jsonl", place / "bars.cap").stdout.splitlines():
        record = json.loads(line)
        if record["kind"] == "bar":
            closes.setdefault(record["symbol"], []).append(int(record["close_e9"]) / 1e9)
    names = list(closes)
    matrix = numpy.cov(numpy.diff(numpy.log(numpy.array([closes[n] for n in names]))))
    got = rows(place / "risk.csv")
    assert len(got) == 6
    for i, a in enumerate(names):
        for j, b in enumerate(names[i:], i):
            want = matrix[i, j] * (1 if i == j else 0.75)
            assert got[a, b] == pytest.approx(want, rel=1e-12)


def test_nothing_of_the_users_is_written_over(place):
    before = (place / "bars.cap").read_bytes()
    assert ats("covariance", "-o", place / "bars.cap", place / "bars.cap", check=False).returncode == 2
    assert (place / "bars.cap").read_bytes() == before
    ats("synth", "-q", "-o", place / "short.cap", "--duration", "1m")
    assert ats("covariance", "-o", place / "none.csv", place / "short.cap", check=False).returncode == 4
    assert not (place / "none.csv").exists()


PLUGIN = r"""
#include "ats_strategy.h"
static size_t state_bytes(const ats_strategy_setup *s) { (void)s; return 64; }
static int init(void *s, const ats_strategy_setup *u, char *why, size_t n) { (void)s; (void)u; (void)why; (void)n; return 0; }
static void on_market(void *s, const ats_strategy_host *h, const ats_market_view *v)
{
    ats_position_view p; (void)s;
    h->position(h, v->symbol, &p);
    ats_entry e = {.symbol = v->symbol, .side = ATS_VIEW_BUY, .urgency = 1, .keep_overnight = 1, .stop_distance_e9 = 5 * ATS_VIEW_E9};
    if (p.qty_e9 == 0 && !p.entering) h->enter(h, &e);
}
static const ats_strategy_plugin PLUGIN = {.abi = ATS_STRATEGY_ABI, .bytes = sizeof(ats_strategy_plugin), .name = "holds",
    .wants = ATS_WANTS_BARS, .state_bytes = state_bytes, .init = init, .on_market = on_market};
const ats_strategy_plugin *ats_strategy_plugin_get(void) { return &PLUGIN; }
"""


@pytest.fixture(scope="module")
def config(place):
    import re
    import subprocess
    ats("new-strategy", "holds", cwd=place)
    (place / "holds/holds.c").write_text(PLUGIN)
    subprocess.run(["make", "-s"], cwd=place / "holds", check=True)
    path = place / "holds/holds.yaml"
    path.write_text(re.sub(r"    parameters:\n(      .*\n)+", "", path.read_text()))
    return path


def run(place, config, name, **environment):
    base = {"ATS_SIZING_NOTIONAL": "4000", "ATS_RISK_MAX_RISK_PER_TRADE": "5%", "ATS_RISK_MAX_DRAWDOWN": "50%",
            "ATS_RISK_MAX_LOSS_STREAK": "1000", "ATS_STRATEGY_MAX_SPREAD_BPS": "1000", "ATS_RISK_SAFE_DRAWDOWN": "0%",
            "ATS_RISK_MAX_SECTOR": "100%"}
    done = ats("backtest", "-q", "-c", config, "--run-dir", place / name, place / "bars.cap",
               env={**os.environ, **base, **environment})
    assert done.returncode == 0
    raw = audit.records(place / name / "audit.bin")
    store = sqlite3.connect(place / name / "store.db")
    return raw, store


def test_a_run_takes_the_matrix_and_the_gate_keeps_its_limits(place, config):
    _, store = run(place, config, "plain")
    held = {s for s, in store.execute("SELECT DISTINCT symbol FROM v_fills")}
    assert held == {"AAA", "BBB", "CCC"}
    _, store = run(place, config, "limited", ATS_RISK_COVARIANCE=str(place / "risk.csv"), ATS_RISK_MAX_CORRELATION="60%")
    assert store.execute("SELECT count(*) FROM env WHERE code = 17").fetchone() == (1,), "the matrix is whole and in use"
    refused = {s for s, in store.execute("SELECT DISTINCT symbol FROM v_verdicts WHERE verdict = 'correlation'")}
    assert refused & {"AAA", "BBB"} and "CCC" not in refused, "two of them move together"
    # Nothing is entered while the other of the two is held.
    events = store.execute("SELECT f.recv_ns, 0, s.symbol, CASE f.side WHEN 'buy' THEN f.last_qty_e9 ELSE -f.last_qty_e9 END"
                           " FROM executions f JOIN symbols s USING (run, symbol_id) WHERE f.type = 'fill' UNION ALL "
                           "SELECT o.recv_ns, 1, s.symbol, 0 FROM orders o JOIN symbols s USING (run, symbol_id)"
                           " WHERE o.reason = 'entry_long' AND o.action = 'new' ORDER BY 1, 2").fetchall()
    held = {"AAA": 0, "BBB": 0, "CCC": 0}
    for _, entry, symbol, qty in events:
        held[symbol] += qty
        assert not (entry and {"AAA": held["BBB"], "BBB": held["AAA"], "CCC": 0}[symbol]), (symbol, held)
    _, store = run(place, config, "risk", ATS_RISK_COVARIANCE=str(place / "risk.csv"), ATS_RISK_MAX_CORRELATION="100%",
                   ATS_RISK_MAX_PORTFOLIO_RISK="0.1%")
    assert store.execute("SELECT count(*) FROM verdicts WHERE verdict = 'portfolio_risk'").fetchone()[0] > 0
    ats("replay", "-q", "--run", place / "limited", "--run-dir", place / "limited-again")
    assert run_json(place / "limited-again")["digest"] == run_json(place / "limited")["digest"]


def test_sizes_shrink_with_correlation(place, config):
    def sizes(name, **environment):
        raw, store = run(place, config, name, ATS_RISK_MAX_CORRELATION="100%", ATS_STRATEGY_RANK="true", **environment)
        return dict(store.execute("SELECT symbol, qty * price FROM v_fills ORDER BY seq DESC")), store
    whole, _ = sizes("whole", ATS_RISK_COVARIANCE=str(place / "risk.csv"))
    less, _ = sizes("less", ATS_RISK_COVARIANCE=str(place / "risk.csv"), ATS_SIZING_CORRELATION_PENALTY="100%",
                    ATS_SIZING_MIN_NOTIONAL="0")
    assert less["AAA"] == pytest.approx(whole["AAA"], rel=0.1), "the first stands alone"
    assert less["BBB"] < 0.5 * whole["BBB"], "the second is nearly the same bet"


@pytest.mark.parametrize("text, what", [
    ("a,b\n", "line 1: the first line must be symbol_a,symbol_b,covariance"),
    ("symbol_a,symbol_b,covariance\nAAA,AAA\n", "line 2: want two symbols and a number"),
    ("symbol_a,symbol_b,covariance\nAAA,AAA,much\n", "line 2: the covariance is no number"),
    ("symbol_a,symbol_b,covariance\nAAA,AAA,-0.1\n", "line 2: a variance must be above zero"),
    ("symbol_a,symbol_b,covariance\nAAA,AAA,0.1\nAAA,AAA,0.1\n", "line 3: the pair is there twice"),
    ("symbol_a,symbol_b,covariance\nAAA,AAA,0.1\nBBB,BBB,0.1\n", "the pair AAA,BBB is missing"),
    ("symbol_a,symbol_b,covariance\nAAA,BBB,0.1\nBBB,BBB,0.1\n", "the variance of AAA or BBB is missing"),
])
def test_a_file_that_is_not_whole_is_refused(place, config, text, what):
    (place / "bad.csv").write_text(text)
    done = ats("backtest", "-q", "-c", config, "--run-dir", place / "bad", place / "bars.cap", check=False,
               env={**os.environ, "ATS_RISK_COVARIANCE": str(place / "bad.csv")})
    assert done.returncode == 4 and what in done.stderr
