"""What the checks of market data find on a recorded day, against a computation from their
definitions that shares nothing with the program but the data."""
import bisect
import csv
import json
import sqlite3
import subprocess
from fractions import Fraction

import pytest

from conftest import ROOT, ats, data_file, run_json
from test_taq_day import E9, e9, read_csv, rebuild

CENT = E9 // 100
OTHER_TIMES = set("BCGHLMNPQRUVWZ234789")  # sale conditions of late, averaged, contingent prints


@pytest.fixture(scope="module")
def files():
    return data_file("highfrequency_taq", "XXX_2018-01-02_*.csv.zst")


@pytest.fixture(scope="module")
def capture(files, work):
    path = work / "quality.cap"
    ats("import", "taq-csv", *files, "-o", path)
    return path


def check(*captures, mode="lenient"):
    done = ats("capture", "check", "--json", "--mode", mode, *captures, check=False)
    return done.returncode, json.loads(done.stdout)


def counts(found):
    return {f["fault"]: f["count"] for f in found["faults"]}


def outliers(values, z=Fraction(10), floor_bps=1):
    """Indices of robust outliers: against the 31 last values that differ from their predecessor."""
    window, ranked, found = [], [], []
    for i, x in values:
        if window and window[-1] == x:
            continue
        if len(window) == 31:
            median = ranked[15]
            mad = sorted(abs(w - median) for w in window)[15]
            floor = median // 10000 * floor_bps + CENT
            if abs(x - median) * 10000 > z * 14826 * max(mad, floor):
                found.append(i)
            ranked.pop(bisect.bisect_left(ranked, window.pop(0)))
        window.append(x)
        bisect.insort(ranked, x)
    return found


@pytest.fixture(scope="module")
def national(files):
    quotes = next(f for f in files if "quotes" in f.name)
    return list(rebuild(read_csv(quotes)))  # ts, bid, size, exchange, ask, size, exchange


def test_crossed_and_locked_are_those_of_a_rebuild(files, capture, national):
    _, found = check(capture)
    crossed = [q for q in national if q[1] and q[4] and q[1] > q[4]]
    locked = [q for q in national if q[1] and q[4] and q[1] == q[4]]
    assert counts(found)["crossed"] == found["crossed"] == len(crossed) > 0
    assert counts(found)["locked"] == found["locked"] == len(locked) > 0
    seconds = {"crossed": 0, "locked": 0}
    rows = [read_csv(f)[-1] for f in files]
    end = (max(int(row["ts_utc_ns"]) for row in rows),)  # what it was in last, it stayed in
    for q, after in zip(national, national[1:] + [end]):
        if q[1] and q[4] and q[1] >= q[4]:
            seconds["crossed" if q[1] > q[4] else "locked"] += after[0] - q[0]
    symbol = found["symbols"][0]
    assert symbol["crossed_s"] == pytest.approx(seconds["crossed"] / E9, abs=1e-9)
    assert symbol["locked_s"] == pytest.approx(seconds["locked"] / E9, abs=1e-9)


def test_silence_is_that_of_the_regular_session(files, capture):
    """A gap is a minute; of this stock the longest silence is some seconds. A made one is found."""
    _, found = check(capture)
    stamps = sorted(int(r["ts_utc_ns"]) for f in files for r in read_csv(f))
    opens, closes = 1514903400 * E9, 1514926800 * E9  # 09:30 and 16:00 in New York, in winter
    longest = max(min(b, closes) - max(a, opens) for a, b in zip(stamps, stamps[1:])
                  if b > opens and a < closes)
    assert found["symbols"][0]["longest_silence_s"] == pytest.approx(longest / E9, abs=1e-9)
    assert found["gaps"] == 0 and longest < 60 * E9


def test_outliers_are_those_of_the_definition(files, capture, national):
    _, found = check(capture)
    trades = read_csv(next(f for f in files if "trades" in f.name))
    prices = [(i, e9(t["price"])) for i, t in enumerate(trades)
              if t["tr_corr"] == "0" and not OTHER_TIMES & set(t["tr_scond"])]
    assert counts(found)["trade_outlier"] == len(outliers(prices)) > 0
    mids, before = [], None
    for q in national:
        if q[1] and q[4] and q[1] <= q[4] and (q[1], q[4]) != before:
            mids.append((q[0], (q[1] + q[4]) // 2))
        before = (q[1], q[4])
    assert counts(found)["quote_outlier"] == len(outliers(mids)) > 0


def test_the_recorded_day_has_no_duplicates_and_made_ones_are_found(files, capture, work):
    _, found = check(capture)
    assert not {"duplicate", "renumbered", "repeated"} & set(counts(found))
    trades = read_csv(next(f for f in files if "trades" in f.name))
    path = work / "twice.csv"
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, trades[0].keys())
        writer.writeheader()
        for i, row in enumerate(trades):
            writer.writerow(row)
            if i % 1000 == 0:
                writer.writerow(row)  # a second line's copy
            if i % 1000 == 500:
                writer.writerow({**row, "size": int(row["size"]) + 1})
    twice = work / "twice.cap"
    ats("import", "taq-csv", path, "-o", twice)
    _, found = check(twice)
    assert counts(found)["duplicate"] == len(range(0, len(trades), 1000))
    assert counts(found)["renumbered"] == len(range(500, len(trades), 1000))


def test_a_price_that_was_made_wrong_is_found_and_its_symbol_quarantined(files, work):
    trades = read_csv(next(f for f in files if "trades" in f.name))
    regular = [t for t in trades if 15 * 3600 <= int(t["ts_utc_ns"]) // E9 % 86400 < 20 * 3600]
    good, bad = work / "good.csv", work / "bad.csv"
    for path in (good, bad):
        with path.open("w", newline="") as out:
            writer = csv.DictWriter(out, trades[0].keys())
            writer.writeheader()
            writer.writerows(regular[:5000])
        regular[3000] = {**regular[3000], "price": "1.00", "tr_scond": ""}
        ats("import", "taq-csv", path, "-o", path.with_suffix(".cap"))
    assert check(good.with_suffix(".cap"), mode="strict")[0] == 0
    code, found = check(bad.with_suffix(".cap"), mode="strict")
    assert code == 4 and found["quarantined"]["symbols"] == 1
    assert counts(found) == {"trade_outlier": 1}
    assert found["faults"][0]["examples"][0]["value"] == 1
    assert check(bad.with_suffix(".cap"))[0] == 0, "lenient passes it with a count"


def test_splits_that_are_not_told_are_found_with_their_ratio_and_told_ones_are_not(work):
    """Forty years of days of three companies: every split that the data set knows, and no other
    day, as long as the open after it is within 2 % of the ratio to the close before it."""
    files = data_file("wiki_daily", "WIKI-*.csv.zst")
    ratios = {"2:1": 2, "3:1": 3, "3:2": 1.5, "4:1": 4, "5:1": 5, "7:1": 7, "10:1": 10, "20:1": 20}
    splits = 0
    for path in files:
        rows = sorted(read_csv(path), key=lambda r: r["Date"])
        told, untold = work / "told.cap", work / "untold.cap"
        ats("import", "wiki-daily", path, "-o", told)
        assert "jump" not in counts(check(told)[1]), path.name
        expected = []
        for before, row in zip(rows, rows[1:]):
            moved = float(row["Open"]) / float(before["Close"])
            if float(row["Split Ratio"]) != 1:
                expected += [(row["Date"], name) for name, to in ratios.items()
                             if abs(moved * to - 1) <= 0.02]
        plain = work / path.name.removesuffix(".zst")
        with plain.open("w", newline="") as out:
            writer = csv.DictWriter(out, rows[0].keys())
            writer.writeheader()
            writer.writerows({**r, "Split Ratio": "1.0"} for r in rows)
        ats("import", "wiki-daily", plain, "-o", untold)
        _, found = check(untold)
        jumps = [f for f in found["faults"] if f["fault"] == "jump"]
        got = [(e["at"][:10], e["ratio"]) for f in jumps for e in f["examples"]]
        assert got == expected, path.name
        splits += len(expected)
    assert splits >= 4


def test_the_split_in_raw_bars_of_a_vendor_is_found(work):
    """Apple split 4 for 1 on 2020-08-31; these bars are not adjusted and carry no action."""
    path, = data_file("snowguru_bars", "AAPLUSUSD_M15.csv.zst")
    ats("import", "snowguru", path, "-o", work / "vendor.cap")
    jump, = [f for f in check(work / "vendor.cap")[1]["faults"] if f["fault"] == "jump"]
    assert jump["count"] == 1 and jump["examples"][0]["ratio"] == "4:1"
    assert jump["examples"][0]["at"].startswith("2020-08-31")


def test_strict_keeps_entries_away_and_repeats_from_its_tape(capture, work, demo_config):
    """The recorded day has quotes that strict does not trust; its run, repeated from its own tape
    and with other threads, decides the same."""
    if "no-xgboost" in ats("--version").stdout:
        pytest.skip("this build has no XGBoost to train with")
    ats("train", "-o", work / "strict.json", "--trees", 20, "--threads", 2, capture)
    assert "tape: full" in demo_config
    base = demo_config.replace('path: ""', "path: strict.json").replace("flat_before_close: 5m", "flat_before_close: 0s")
    # The faults lie outside the regular session, in which alone the strategy's orders pass: here the
    # session is as long as the day.
    calendar = json.loads((ROOT / "configs" / "calendars" / "us-equity.json").read_text())
    for hours in calendar["hours"]:
        hours.update(pre="04:00", open="04:00", close="20:00", post="20:00")
    (work / "long-days.json").write_text(json.dumps(calendar))
    base = base.replace('file: ""', "file: long-days.json")
    runs = {}
    for mode in ("lenient", "strict"):
        config = work / f"{mode}.yaml"
        config.write_text(base.replace("mode: lenient", f"mode: {mode}"))
        ats("replay", "-c", config, "--run-dir", work / mode, capture)
        runs[mode] = run_json(work / mode)
    strict, lenient = runs["strict"], runs["lenient"]
    quality = strict["data_quality"]
    assert quality["mode"] == "strict" and quality["quarantined"]["symbols"] == 1
    assert quality["quarantined"]["symbol"] > 100, "marked quotes"
    assert any("quarantine" in w for w in strict["warnings"])
    assert lenient["data_quality"]["quarantined"]["symbol"] == 0
    assert strict["digest"] != lenient["digest"]
    for key in ("gaps", "crossed", "locked", "stale"):
        assert quality[key] == lenient["data_quality"][key]
    ats("replay", "--run", work / "strict", "--run-dir", work / "strict-again")
    again = run_json(work / "strict-again")
    assert again["digest"] == strict["digest"] and not again["data_quality"]["checked"]
    db = sqlite3.connect(work / "strict" / "store.db")
    stored = dict(db.execute("SELECT label, MAX(value) FROM metrics WHERE name = 'feed.data_faults' "
                             "GROUP BY label"))
    assert {k: v for k, v in stored.items() if v} == counts(quality)
    page = (work / "strict" / "report.html").read_text()
    assert "Market data" in page and "quote outlier" in page


def test_a_recorded_stream_of_trades_has_no_hole_and_a_made_one_is_found(work):
    path, = data_file("binance_raw_ws", "spot_btcusdt_20240808.jsonl.zst")
    capture = work / "stream.cap"
    ats("import", "binance-ws", path, "-o", capture)
    _, found = check(capture)
    text = subprocess.run(["zstd", "-dc", str(path)], capture_output=True, text=True, check=True)
    ids, kept = [], []
    for line in text.stdout.splitlines():
        data = json.loads(line.split(" ", 1)[1]).get("data", {})
        if data.get("e") == "trade":
            ids.append(data["t"])
            if len(ids) % 2000 == 1000:
                continue
        kept.append(line)
    holes = sum(1 for a, b in zip(ids, ids[1:]) if b > a + 1)
    assert len(ids) > 5000 and counts(found).get("lost_trades", 0) == holes
    made = work / "spot_holes_20240808.jsonl"
    made.write_text("\n".join(kept) + "\n")
    ats("import", "binance-ws", made, "-o", work / "holes.cap")
    _, found = check(work / "holes.cap")
    assert counts(found)["lost_trades"] == holes + len(range(1000, len(ids) + 1, 2000))
