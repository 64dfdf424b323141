"""The recorded TAQ day through the whole program, against figures made here by other means."""
import csv
import io
import json
import os
import re
import sqlite3
import subprocess
from fractions import Fraction

import numpy
import pytest

import audit
from conftest import ROOT, ats, data_file, run_json

E9 = 10**9
ROWS = 260_027


def e9(text):
    value = Fraction(text) * E9
    assert value.denominator == 1
    return int(value)


@pytest.fixture(scope="module")
def files():
    return data_file("highfrequency_taq", "XXX_2018-01-02_*.csv.zst")


@pytest.fixture(scope="module")
def capture(files, work):
    path = work / "taq.cap"
    ats("import", "taq-csv", *files, "-o", path)
    return path


@pytest.fixture(scope="module")
def config(capture, work, demo_config):
    """The demo's configuration with a model trained on this day."""
    if "no-xgboost" in ats("--version").stdout:
        pytest.skip("this build has no XGBoost to train with")
    ats("train", "-o", work / "taq.json", "--trees", 50, "--threads", 2, capture)
    path = work / "taq.yaml"
    path.write_text(demo_config.replace('path: ""', "path: taq.json"))
    return path


@pytest.fixture(scope="module")
def run(capture, config, work):
    directory = work / "run"
    ats("replay", "-c", config, "--run-dir", directory, capture)
    return directory


def read_csv(path):
    text = subprocess.run(["zstd", "-dc", str(path)], capture_output=True, text=True, check=True)
    return list(csv.DictReader(io.StringIO(text.stdout)))


def test_every_row_is_read(capture):
    info = json.loads(ats("capture", "info", "--json", capture).stdout)
    assert info["records"] == ROWS
    assert info["kinds"]["quote"] == 220_557 and info["kinds"]["trade"] == 39_470
    ats("capture", "verify", capture)


def rebuild(rows):
    """National best bid and offer by definition: of all exchanges, price, then size, then time."""
    book, arrival, last = {}, 0, None
    for row in rows:
        arrival += 1
        for side, price, size in (("bid", row["bid"], row["bidsiz_lots"]),
                                  ("ask", row["ask"], row["asksiz_lots"])):
            now = (e9(price), int(size) * 100 * E9)
            if now[0] == 0 or now[1] == 0:
                now = (0, 0)
            if book.get((side, row["ex"]), (0, 0, 0))[:2] != now:
                book[side, row["ex"]] = (*now, arrival)
        best = []
        for side, sign in (("bid", 1), ("ask", -1)):
            live = [(sign * p, s, -t, ex) for (d, ex), (p, s, t) in book.items() if d == side and p]
            if live:
                p, s, _, ex = max(live)
                best += [sign * p, s, ex]
            else:
                best += [0, 0, ""]
        if best != last:
            last = best
            yield (int(row["ts_utc_ns"]), *best)


def test_consolidated_quotes_equal_a_rebuild_row_by_row(files, run):
    quotes = next(f for f in files if "quotes" in f.name)
    expected = rebuild(read_csv(quotes))
    lines = ats("capture", "cat", "--jsonl", "--kind", "quote", run / "tape" / "chain.cap").stdout
    count = 0
    for line in lines.splitlines():
        q = json.loads(line)
        got = (q["recv_ns"], q["bid_e9"], q["bid_size_e9"], q["bid_venue"], q["ask_e9"],
               q["ask_size_e9"], q["ask_venue"])
        assert got == next(expected), f"row {count}"
        count += 1
    assert next(expected, None) is None, "the rebuild has further rows"
    assert count > 50_000


def test_profit_and_loss_follow_from_the_fills(run):
    summary = run_json(run)["portfolio"]
    db = sqlite3.connect(run / "store.db")
    fills = db.execute("SELECT side, last_qty_e9, last_px_e9, fee_e9 FROM executions "
                       "WHERE type = 'fill' ORDER BY seq").fetchall()
    assert len(fills) == run_json(run)["decisions"]["fills"] > 10
    cash, qty, cost, realized, fees = Fraction(summary["start_equity"]), 0, Fraction(0), 0, 0
    for side, size, price, fee in fills:
        q, p, f = Fraction(size if side == "buy" else -size, E9), Fraction(price, E9), Fraction(fee, E9)
        cash -= q * p + f
        fees += f
        if qty and (qty > 0) != (q > 0):
            closed = q if abs(q) <= abs(qty) else -qty
            share = cost * abs(closed) / abs(qty)
            realized += -closed * p - share
            cost -= share
            qty += closed
            q -= closed
        cost += q * p
        qty += q
    mark = Fraction(summary["positions"][0]["mark"]).limit_denominator(2 * E9)
    tolerance = 2e-9
    assert float(realized) == pytest.approx(summary["realized_pnl"], abs=tolerance)
    assert float(fees) == pytest.approx(summary["fees"], abs=tolerance)
    assert float(cash) == pytest.approx(summary["cash"], abs=tolerance)
    assert float(cash + qty * mark) == pytest.approx(summary["end_equity"], abs=tolerance)
    assert float(qty * mark - cost) == pytest.approx(summary["unrealized_pnl"], abs=tolerance)


def digest(work, name, command, *arguments):
    directory = work / name
    ats(*command, "--run-dir", directory, *arguments)
    return run_json(directory)["digest"]


def test_the_digest_is_that_of_every_way_to_run(run, capture, config, work):
    expected = run_json(run)["digest"]
    assert digest(work, "fused", ["replay", "--fused", "-c", config], capture) == expected
    assert digest(work, "backtest", ["backtest", "-c", config], capture) == expected
    assert digest(work, "paced", ["replay", "--speed", "20000x", "-c", config], capture) == expected
    assert digest(work, "again", ["replay", "--run", run]) == expected
    two = work / "two.yaml"
    two.write_text(config.read_text().replace("threads: fused", """threads:
    - {name: market, cpu: any, wait: yield, stages: [feed, feature]}
    - {name: score, cpu: any, wait: yield, stages: [infer]}
    - {name: order, cpu: any, wait: yield, stages: [strategy, risk, route]}
    - {name: side, cpu: any, wait: park, stages: [drain]}"""))
    assert digest(work, "threaded", ["replay", "-c", two], capture) == expected
    for batch in (1, 64):
        limited = work / f"batch{batch}.yaml"
        limited.write_text(two.read_text().replace("batch_limit: 16", f"batch_limit: {batch}"))
        assert digest(work, f"batch{batch}", ["replay", "-c", limited], capture) == expected


def test_another_limit_gives_another_digest(run, capture, config, work):
    other = work / "limit.yaml"
    other.write_text(config.read_text().replace("max_position: 5%", "max_position: 5.01%"))
    assert digest(work, "limit", ["backtest", "-c", other], capture) != run_json(run)["digest"]


def test_another_tick_gives_another_digest(run, files, config, work):
    """One quote of one exchange at a moment when the run traded, its bid raised to the offer less a
    cent in size: one row of 260,027."""
    db = sqlite3.connect(run / "store.db")
    at = db.execute("SELECT recv_ns FROM intents ORDER BY seq LIMIT 1").fetchone()[0]
    changed, done = work / "quotes.csv", False
    quotes = next(f for f in files if "quotes" in f.name)
    rows = read_csv(quotes)
    with changed.open("w", newline="") as out:
        writer = csv.DictWriter(out, rows[0].keys())
        writer.writeheader()
        for row in rows:
            if not done and int(row["ts_utc_ns"]) >= at and Fraction(row["ask"]) > 0:
                row["bid"] = str(float(Fraction(row["ask"]) - Fraction("0.01")))
                row["bidsiz_lots"] = "5000"
                done = True
            writer.writerow(row)
    capture = work / "changed.cap"
    ats("import", "taq-csv", changed, next(f for f in files if "trades" in f.name), "-o", capture)
    assert digest(work, "tick", ["backtest", "-c", config], capture) != run_json(run)["digest"]


def test_every_order_type_and_class_keeps_the_invariants(run):
    """A thousand windows of the day, each with orders of every type, class and tif, replaces, cancels, kills, lost answers;
    what must hold is checked after every record (tests/unit/stages/test_route_random.c)."""
    program = ROOT / "build/release/tests/stages_test_route_random"
    if not program.exists():
        pytest.skip("the unit tests are not built")
    done = subprocess.run([program, "--filter", "*/a_recorded*"], capture_output=True, text=True, timeout=900,
                          env={**os.environ, "ATS_TEST_TAPE": str(run / "tape/chain.cap")})
    assert done.returncode == 0, done.stdout + done.stderr


ANY = r"""
#include "ats_strategy.h"
static size_t state_bytes(const ats_strategy_setup *s) { (void)s; return 64; }
static int init(void *s, const ats_strategy_setup *u, char *why, size_t n) { (void)s; (void)u; (void)why; (void)n; return 0; }
static void on_market(void *s, const ats_strategy_host *h, const ats_market_view *v)
{
    ats_position_view p;
    (void)s;
    if (h->random(h) % 100) return;
    h->position(h, v->symbol, &p);
    int64_t distance = v->price_e9 / 10000 * (int64_t)(2 + h->random(h) % 40);
    ats_entry e = {.symbol = v->symbol, .side = 1 + (uint32_t)(h->random(h) % 2), .qty_e9 = (int64_t)(1 + h->random(h) % 40) * ATS_VIEW_E9,
                   .stop_distance_e9 = distance, .target_distance_e9 = distance, .trail_distance_e9 = h->random(h) % 2 ? distance : 0,
                   .hold_ns = (int64_t)(h->random(h) % 600) * ATS_VIEW_E9, .urgency = (double)(h->random(h) % 101) / 100};
    if (p.qty_e9 == 0 && !p.entering) h->enter(h, &e);
    else if (h->random(h) % 20 == 0) h->leave(h, v->symbol, 0.5, "any");
}
static const ats_strategy_plugin PLUGIN = {.abi = ATS_STRATEGY_ABI, .bytes = sizeof(ats_strategy_plugin), .name = "any",
    .wants = ATS_WANTS_QUOTES, .state_bytes = state_bytes, .init = init, .on_market = on_market};
const ats_strategy_plugin *ats_strategy_plugin_get(void) { return &PLUGIN; }
"""


@pytest.fixture(scope="module")
def any_config(work):
    ats("new-strategy", "any", cwd=work)
    (work / "any/any.c").write_text(ANY)
    subprocess.run(["make", "-s", "CFLAGS=-O2"], cwd=work / "any", check=True)
    text = (work / "any/any.yaml").read_text().replace("allow_short: false", "allow_short: true")
    config = work / "any/any.yaml"
    config.write_text(re.sub(r"    parameters:\n(      .*\n)+", "", text))
    return config


def check_children(intents, execs):
    """I7: what is filled and what is at work of a parent never pass it; one child at a time, but for a replacement."""
    children = {}
    total, filled = {}, {}
    for order in intents[(intents["parent"] != 0) & (intents["action"] != 2)]:
        children[order["id"]] = order["parent"]
    events = [(i["recv_ns"], 1, i) for i in intents if i["parent"] and i["action"] != 2]
    events += [(x["recv_ns"], 0, x) for x in execs if x["type"] == 3 and x["order"] in children]
    for _, is_intent, record in sorted(events, key=lambda e: (e[0], e[1])):
        if is_intent:
            parent = record["parent"]
            whole = filled.get(parent, 0) + int(record["qty"]) + int(record["parent_left"])
            assert int(record["parent_left"]) >= 0
            assert whole == total.setdefault(parent, whole), "a parent's quantity never changes"
        else:
            parent = children[record["order"]]
            filled[parent] = filled.get(parent, 0) + int(record["last_qty"])
            assert filled[parent] <= total[parent], "children never pass their parent"
    return len(total)


@pytest.mark.parametrize("protect", ["stop", "watch", "bracket"])
@pytest.mark.parametrize("algorithm", ["auto", "direct", "twap", "iceberg", "slice", "peg"])
def test_every_algorithm_keeps_the_invariants(capture, any_config, work, algorithm, protect):
    directory = work / f"any-{algorithm}-{protect}"
    ats("backtest", "-q", "-c", any_config, "--run-dir", directory, capture,
        env={**os.environ, "ATS_EXECUTION_ALGORITHM": algorithm, "ATS_STRATEGY_PROTECT": protect, "ATS_STRATEGY_AVOID_OPEN": "0s",
             "ATS_EXECUTION_TWAP_DURATION": "30s", "ATS_EXECUTION_TIMEOUT": "5s", "ATS_EXECUTION_HORIZON": "60s",
             "ATS_EXECUTION_SLICE_INTERVAL": "5s", "ATS_RISK_MAX_LOSS_STREAK": "1000000", "ATS_EXECUTION_PEG_INTERVAL": "500ms", "ATS_VENUE_QUEUE": "true"})
    raw = audit.records(directory / "audit.bin")
    intents, execs, verdicts, positions = (audit.of_kind(raw, k) for k in
                                           (audit.INTENT, audit.EXEC, audit.VERDICT, audit.POSITION))
    fills = execs[execs["type"] == 3]
    assert len(fills) > 100
    assert check_children(intents, execs) > 50
    # I1, and one verdict an intent; nothing that was refused was filled.
    assert len(set(intents["id"])) == len(intents) == len(verdicts)
    assert not set(fills["order"]) & set(verdicts["id"][verdicts["check"] != 0])
    assert len(set(fills["exec"])) == len(fills)
    # I3: a position is the sum of its executions. I8: equity is cash and positions at their marks, to the last 1e-9.
    signed = numpy.where(fills["side"] == 1, fills["last_qty"], -fills["last_qty"])
    assert len(positions) >= len(fills)
    last = positions[-1]
    assert int(signed.sum()) == int(last["qty"])
    for p in positions:
        exact = Fraction(int(p["cash"])) + Fraction(int(p["qty"]) * int(p["mark"]), E9)
        assert abs(exact - int(p["equity"])) <= 1  # cash and equity are each rounded once
    assert run_json(directory)["portfolio"]["realized_pnl"] is not None
