"""Imports of bars against Python's csv and zipfile: every row accounted for, every value equal, on
the recorded files; and what the importer must refuse or count, on files written here."""
import collections
import csv
import datetime as dt
import decimal
import io
import json
import re
import subprocess
import zipfile
import zoneinfo

import pytest

from conftest import DATA, ROOT, ats, data_file

NEW_YORK = zoneinfo.ZoneInfo("America/New_York")
E9 = decimal.Decimal(10) ** 9
UTC = dt.timezone.utc


def text_of(path):
    if path.suffix == ".zst":
        return subprocess.run(["zstd", "-dcq", path], capture_output=True, check=True).stdout.decode()
    return path.read_text()


def e9(text):
    """As documented: digits behind the ninth are rounded, half up."""
    return int((decimal.Decimal(text) * E9).to_integral_value(decimal.ROUND_HALF_UP))


def ns(moment):
    return int(moment.timestamp()) * 10**9


def imported(work, *arguments, name="bars.cap"):
    """(what import said of each file, records as cat --jsonl gives them)"""
    out = work / name
    done = json.loads(ats("import", *arguments, "-o", out, "--json").stdout)
    assert ats("capture", "verify", out).returncode == 0
    lines = ats("capture", "cat", out, "--jsonl").stdout.splitlines()
    return done["files"], [json.loads(line) for line in lines]


def accounted(counts):
    assert counts["lines"] == counts["headers"] + counts["taken"] + sum(counts["not_taken"].values())


def bar_of(record):
    return tuple(record[k] for k in ("symbol", "event_ns", "recv_ns", "open_e9", "high_e9", "low_e9",
                                     "close_e9", "volume_e9", "period_s"))


@pytest.fixture(scope="module")
def sessions():
    """date: (open, close), by the program's own calendar, which test_calendar.py holds to others."""
    found = {}
    for year in range(1980, 2024):
        shown = json.loads(ats("calendar", "show", "--year", year, "--json").stdout)
        found.update({s["date"]: (s["open_ns"], s["close_ns"]) for s in shown["sessions"]})
    return found


# ---- wiki-daily ---------------------------------------------------------------------------------

def wiki_rows(path):
    """[(symbol, row by plain names)] of one file or of all entries of a zip."""
    if path.suffix == ".zip":
        archive = zipfile.ZipFile(path)
        texts = [(n, archive.read(n).decode()) for n in archive.namelist()]
    else:
        texts = [(path.name, text_of(path))]
    for name, text in texts:
        for row in csv.DictReader(io.StringIO(text)):
            row = {re.sub("[^a-z]", "", (k or "").lower()): v for k, v in row.items()}
            symbol = row.get("ticker") or row.get("stock") or re.match(r"WIKI-(\w+)", name).group(1)
            yield symbol.upper(), row


@pytest.mark.parametrize("file", ["WIKI-AAPL.csv.zst", "WIKI-GOOGL.csv.zst", "WIKI-MSFT.csv.zst",
                                  "plotly_dash-stock-ticker-demo.csv.zst",
                                  "zipline_QUANDL_ARCHIVE.zip", "pyalgotrade_WIKI.zip"])
def test_wiki_days(work, sessions, file):
    [path] = data_file("wiki_daily", file)
    [counts], records = imported(work, "wiki-daily", path)
    accounted(counts)
    bars, actions, closed, rows = collections.Counter(), collections.Counter(), 0, 0
    for symbol, row in wiki_rows(path):
        rows += 1
        if row["date"] not in sessions:
            closed += 1
            continue
        start, end = sessions[row["date"]]
        prices = [e9(row[k]) for k in ("open", "high", "low", "close", "volume")]
        bars[(symbol, start, end, *prices, 86400)] += 1
        midnight = ns(dt.datetime.fromisoformat(row["date"]).replace(tzinfo=NEW_YORK))
        split = decimal.Decimal(row["splitratio"])
        if split != 1:
            ratio = split.as_integer_ratio()
            actions[(symbol, midnight, "split", *ratio, 0)] += 1
        if decimal.Decimal(row["exdividend"]) != 0:
            actions[(symbol, midnight, "dividend", 0, 0, e9(row["exdividend"]))] += 1
    assert rows == counts["lines"] - counts["headers"] - counts["not_taken"].get("blank", 0)
    assert counts["not_taken"].get("closed_day", 0) == closed
    assert sum(bars.values()) == counts["taken"]
    assert collections.Counter(bar_of(r) for r in records if r["kind"] == "bar") == bars
    assert collections.Counter(
        (r["symbol"], r["recv_ns"], r["action"], r["ratio_numerator"], r["ratio_denominator"],
         r["cash_e9"]) for r in records if r["kind"] == "corporate_action") == actions
    assert all(a["recv_ns"] <= b["recv_ns"] for a, b in zip(records, records[1:]))


def test_the_day_of_hurricane_gloria_was_made_up_by_the_vendor(work):
    [path] = data_file("wiki_daily", "WIKI-AAPL.csv.zst")
    [counts], _ = imported(work, "wiki-daily", path)
    assert counts["not_taken"] == {"closed_day": 1}  # 1985-09-27


# ---- snowguru, ninjatrader, lean-minute ---------------------------------------------------------

@pytest.mark.parametrize("file,period,symbol_venue",
                         [("AAPLUSUSD_M15", 900, "CFD"), ("EURUSD_H4", 14400, "CFD"),
                          ("USA500IDXUSD_D1", 86400, "CFD"), ("BTCUSD_H1", 3600, "CFD"),
                          ("LINKUSDT_D1", 86400, "CFD"), ("DOGEUSDT_D1", 86400, "CFD")])
def test_snowguru(work, file, period, symbol_venue):
    [path] = data_file("snowguru_bars", file + ".csv.zst")
    files, records = imported(work, "snowguru", path, "--max-bad", "100%")
    counts = files[0]
    accounted(counts)
    expect, bad = collections.Counter(), collections.Counter()
    for row in csv.DictReader(io.StringIO(text_of(path)), delimiter="\t"):
        values = [e9(row[k]) for k in ("Open", "High", "Low", "Close", "Volume")]
        start = ns(dt.datetime.fromisoformat(row["Time"]).replace(tzinfo=UTC))
        if 0 in values[:4]:
            bad["zero"] += 1
        elif values[4] > 9 * 10**18:
            bad["range"] += 1
        else:
            expect[(file.split("_")[0], start, start + period * 10**9, *values, period)] += 1
    assert counts["not_taken"] == dict(bad)
    assert collections.Counter(map(bar_of, records)) == expect
    assert all(r["symbol_venue"] == symbol_venue for r in records)


def test_every_snowguru_file_is_accounted_for(work):
    paths = [p for p in data_file("snowguru_bars", "*.csv.zst") if "ticks" not in p.name]
    files, _ = json.loads(ats("import", "snowguru", *paths, "--max-bad", "100%", "-o",
                              work / "all.cap", "--json").stdout)["files"], None
    assert len(files) == len(paths)
    for counts in files:
        accounted(counts)
        rows = text_of(DATA / "snowguru_bars" / counts["file"].rsplit("/", 1)[-1])
        assert counts["lines"] == len(rows.splitlines())


@pytest.mark.parametrize("file", ["nt-spy-minute-2011.csv.zst", "nt-spy-minute-2011-03.csv.zst"])
def test_ninjatrader(work, file):
    [path] = data_file("pyalgotrade_spy_minute", file)
    [counts], records = imported(work, "ninjatrader", path, "--symbol", "spy")
    accounted(counts)
    expect = collections.Counter()
    for row in csv.reader(io.StringIO(text_of(path)), delimiter=";"):
        end = ns(dt.datetime.strptime(row[0], "%Y%m%d %H%M%S").replace(tzinfo=UTC))
        expect[("SPY", end - 60 * 10**9, end, *map(e9, row[1:6]), 60)] += 1
    assert collections.Counter(map(bar_of, records)) == expect
    assert counts["taken"] == counts["lines"] == sum(expect.values())


def test_lean_minutes(work):
    paths = data_file("lean_coinbase_minute", "*.zip")
    files, records = imported(work, "lean-minute", *paths)
    bars, quotes = collections.Counter(), collections.Counter()
    for path in paths:
        archive = zipfile.ZipFile(path)
        [name] = archive.namelist()
        date, symbol, _, kind = name.split(".")[0].split("_")
        midnight = ns(dt.datetime.strptime(date, "%Y%m%d").replace(tzinfo=UTC))
        for row in csv.reader(io.StringIO(archive.read(name).decode())):
            start = midnight + int(row[0]) * 10**6
            end = start + 60 * 10**9
            if kind == "trade":
                bars[(symbol.upper(), start, end, *map(e9, row[1:6]), 60)] += 1
            else:
                quotes[(symbol.upper(), end, e9(row[4]), e9(row[5]), e9(row[9]), e9(row[10]))] += 1
    for counts in files:
        accounted(counts)
    assert collections.Counter(bar_of(r) for r in records if r["kind"] == "bar") == bars
    assert collections.Counter(
        (r["symbol"], r["recv_ns"], r["bid_e9"], r["bid_size_e9"], r["ask_e9"], r["ask_size_e9"])
        for r in records if r["kind"] == "quote") == quotes


# ---- bar-csv ------------------------------------------------------------------------------------

def test_local_times_follow_the_clocks(work):
    path = work / "ny.csv"
    stamps = ["2024-03-08 09:30", "2024-03-11 09:30", "2024-11-01 09:30", "2024-11-04 09:30"]
    path.write_text("".join(f"{s}|AAPL|1|2|0.5|1.5|10\n" for s in reversed(stamps)))
    [counts], records = imported(
        work, "bar-csv", path, "--columns", "time,symbol,open,high,low,close,volume", "--delimiter",
        "|", "--no-header", "--time-format", "%Y-%m-%d %H:%M", "--zone", "America/New_York",
        "--bar-time", "start", "--period", "15m", "--class", "equity")
    assert counts["taken"] == 4
    expect = [ns(dt.datetime.fromisoformat(s).replace(tzinfo=NEW_YORK)) for s in stamps]
    assert [r["event_ns"] for r in records] == expect
    assert [r["recv_ns"] - r["event_ns"] for r in records] == [900 * 10**9] * 4


@pytest.mark.parametrize("unit,scale", [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
def test_unix_times(work, unit, scale):
    path = work / "unix.csv"
    path.write_text(f"Time,Open,High,Low,Close\n{1700000000 * scale},1,1,1,1\n")
    _, [record] = imported(work, "bar-csv", path, "--time-format", unit, "--zone", "UTC",
                           "--bar-time", "end", "--period", "1m", "--class", "crypto",
                           "--symbol", "btcusd", "--venue", "TEST")
    assert record["recv_ns"] == 1700000000 * 10**9
    assert record["symbol_venue"] == "TEST" and record["symbol"] == "BTCUSD"


def test_what_is_bad_is_counted_by_reason(work):
    path = work / "bad.csv"
    good = "2024-03-04,10,11,9,10,100"
    rows = {"closed_day": ["2024-03-02,10,11,9,10,100", "2024-03-29,10,11,9,10,100"],
            "bar": ["2024-03-05,10,9,11,10,1", "2024-03-05,12,11,9,10,1", "2024-03-05,10,11,9,8,1"],
            "zero": ["2024-03-05,0,11,9,10,1"], "negative": ["2024-03-05,10,11,9,10,-1"],
            "number": ["2024-03-05,10,11,,10,1", "2024-03-05,10,1x,9,10,1"],
            "range": ["2024-03-05,10,1e10,9,10,1", "2024-03-05,10,11,9,10,9000000001"],
            "time": ["2024-02-30,10,11,9,10,1", "1979-03-05,10,11,9,10,1", "x,10,11,9,10,1"],
            "syntax": ["2024-03-05,10,11,9,10", "2024-03-05,10,11,9,10,1,1"],
            "blank": [""]}
    path.write_text("\n".join([good] + [r for some in rows.values() for r in some] + [
        "2024-03-05,10,11,9,10,9000000000"]) + "\n")
    arguments = ("bar-csv", path, "--columns", "time,open,high,low,close,volume", "--no-header",
                 "--time-format", "%Y-%m-%d", "--zone", "America/New_York", "--bar-time", "start",
                 "--period", "24h", "--class", "equity", "--symbol", "X")
    [counts], records = imported(work, *arguments, "--max-bad", "100%")
    assert counts["not_taken"] == {reason: len(some) for reason, some in rows.items()}
    assert [r["volume_e9"] for r in records] == [100 * 10**9, 9 * 10**18]
    done = ats("import", *arguments, "-o", work / "no.cap", check=False)
    assert done.returncode == 4 and "bad.csv:2: closed_day" in done.stderr
    assert not (work / "no.cap").exists()


@pytest.mark.parametrize("missing", ["--time-format", "--zone", "--bar-time", "--period", "--class",
                                     "--symbol"])
def test_nothing_is_guessed(work, missing):
    path = work / "plain.csv"
    path.write_text("time,open,high,low,close\n2024-03-04,1,1,1,1\n")
    options = {"--time-format": "%Y-%m-%d", "--zone": "UTC", "--bar-time": "end", "--period": "24h",
               "--class": "fx", "--symbol": "X"}
    del options[missing]
    done = ats("import", "bar-csv", path, *[x for pair in options.items() for x in pair], "-o",
               work / "no.cap", check=False)
    assert done.returncode in (2, 4) and missing.lstrip("-") in done.stderr


# ---- corporate actions --------------------------------------------------------------------------

def test_actions_are_merged_before_anything_of_their_day(work):
    bars = work / "bars.csv"
    bars.write_text("Date,Open,High,Low,Close,Volume,Ticker\n"
                    "2024-03-04,25,26,24,25,4,EXMPL\n2024-03-01,100,101,99,100,1,EXMPL\n")
    files, records = imported(
        work, "bar-csv", bars, "--time-format", "%Y-%m-%d", "--zone", "America/New_York",
        "--bar-time", "start", "--period", "24h", "--class", "equity",
        "--actions", ROOT / "configs" / "actions-example.csv")
    assert [f["taken"] for f in files] == [2, 3]
    assert files[1]["not_taken"] == {"ignored": 1} and files[1]["headers"] == 1
    assert (files[0]["strangers"], files[1]["strangers"]) == (0, 1), "OTHER is in no file of bars"
    assert [(r["kind"], r["symbol"]) for r in records] == [
        ("bar", "EXMPL"), ("corporate_action", "EXMPL"), ("bar", "EXMPL"),
        ("corporate_action", "EXMPL"), ("corporate_action", "OTHER")]
    assert (records[1]["ratio_numerator"], records[1]["ratio_denominator"]) == (4, 1)
    midnight = dt.datetime(2024, 3, 4, tzinfo=NEW_YORK)
    assert records[1]["recv_ns"] == ns(midnight) and records[1]["flags"] & 1
    assert records[3]["action"] == "dividend" and records[3]["cash_e9"] == 250000000


def test_at_equal_times_an_action_comes_first(work):
    """A coin's bar that ends at midnight in New York, and the other way round by file order."""
    bars = work / "midnight.csv"
    bars.write_text("time,open,high,low,close\n2024-03-04T05:00,1,1,1,1\n")
    _, records = imported(work, "bar-csv", bars, "--time-format", "%Y-%m-%dT%H:%M", "--zone", "UTC",
                          "--bar-time", "end", "--period", "1h", "--class", "crypto", "--symbol",
                          "X", "--actions", ROOT / "configs" / "actions-example.csv")
    assert records[0]["recv_ns"] == records[1]["recv_ns"]
    assert [r["kind"] for r in records[:2]] == ["corporate_action", "bar"]


def test_instruments_are_told_by_name(work):
    pairs = work / "pairs.csv"
    pairs.write_text("time,open,high,low,close,ticker\n2024-03-04,1,1,1,1,eurjpy\n"
                     "2024-03-04,1,1,1,1,gbpusd\n")
    imported(work, "bar-csv", pairs, "--time-format", "%Y-%m-%d", "--zone", "UTC", "--bar-time",
             "start", "--period", "24h", "--class", "fx", name="pairs.cap")
    info = json.loads(ats("capture", "info", work / "pairs.cap", "--json").stdout)
    assert [(s["venue"], s["symbol"], s["currency"]) for s in info["symbol_table"]] == [
        ("FX", "EURJPY", "JPY"), ("FX", "GBPUSD", "USD")]
    wiki = work / "prices.csv"
    wiki.write_text("Date,Open,High,Low,Close,Volume\n2024-03-04,1,1,1,1,1\n")
    _, [record] = imported(work, "wiki-daily", wiki, "--symbol", "brk.b")
    assert record["symbol"] == "BRK.B"
    done = ats("import", "wiki-daily", wiki, "-o", work / "no.cap", check=False)
    assert done.returncode == 4 and "symbol" in done.stderr


def test_bad_actions_are_counted(work):
    bars, actions = work / "one.csv", work / "actions.csv"
    bars.write_text("time,open,high,low,close\n2024-03-04,1,1,1,1\n")
    rows = {"field": ["A,2024-01-02,merger,,", "A,2024-01-02,split,4,", "A,2024-01-02,split,4:1,1",
                      "A,2024-01-02,dividend,4:1,1"],
            "range": ["A,2024-01-02,split,0:1,", "A,2024-01-02,split,1:1000001,",
                      "A,2024-01-02,dividend,,1000000001"],
            "number": ["A,2024-01-02,split,x:1,", "A,2024-01-02,dividend,,"],
            "zero": ["A,2024-01-02,dividend,,0"], "negative": ["A,2024-01-02,dividend,,-1"],
            "time": ["A,2024-02-30,split,2:1,", "A,1979-02-01,split,2:1,"],
            "symbol": [",2024-01-02,split,2:1,"], "syntax": ["A,2024-01-02,split,2:1"]}
    head = "symbol,ex_date,action,ratio,cash\n"
    actions.write_text(head + "\n".join(r for some in rows.values() for r in some) + "\n")
    options = ("--time-format", "%Y-%m-%d", "--zone", "UTC", "--bar-time", "end", "--period", "24h",
               "--class", "equity", "--symbol", "A", "--actions", actions)
    files, _ = imported(work, "bar-csv", bars, *options, "--max-bad", "100%")
    assert files[1]["not_taken"] == {reason: len(some) for reason, some in rows.items()}
    actions.write_text("symbol,date\n")
    done = ats("import", "bar-csv", bars, *options, "-o", work / "no.cap", check=False)
    assert done.returncode == 4 and "actions.csv:1" in done.stderr


def test_damaged_archives_are_named(work):
    [path] = data_file("wiki_daily", "zipline_QUANDL_ARCHIVE.zip")
    bytes_ = bytearray(path.read_bytes())
    broken = work / "broken.zip"
    for at in range(40, len(bytes_), 3001):
        copy = bytearray(bytes_)
        copy[at] ^= 0x55
        broken.write_bytes(copy)
        done = ats("import", "wiki-daily", broken, "-o", work / "no.cap", check=False)
        assert done.returncode == 4 and "broken.zip" in done.stderr, at
    broken.write_bytes(bytes_[:len(bytes_) // 2])
    done = ats("import", "wiki-daily", broken, "-o", work / "no.cap", check=False)
    assert done.returncode == 4 and "broken.zip" in done.stderr
