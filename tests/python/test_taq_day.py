"""The recorded TAQ day through the whole program, against figures made here by other means."""
import csv
import io
import json
import sqlite3
import subprocess
from fractions import Fraction

import pytest

from conftest import ats, data_file, run_json

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
