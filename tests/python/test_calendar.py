"""The calendar against what others wrote: Python's zoneinfo for the clocks, QuantConnect Lean's
market hours for the days, and the generator for the file itself."""
import datetime as dt
import json
import re
import subprocess
import sys
import zoneinfo

import pytest

from conftest import ROOT, ats, data_file

NEW_YORK = zoneinfo.ZoneInfo("America/New_York")
FILE = ROOT / "configs" / "calendars" / "us-equity.json"

# Days on which Lean's file says otherwise, and why ours stands.
LEAN_DIFFERS = {
    "1998-11-27": "the exchange closed at 13:00; Lean lists early closes from 1999 on",
    "1998-12-24": "the same",
    "2005-06-01": "closed at 15:56 when its systems failed; Lean lists planned closes only",
}


@pytest.fixture(scope="module")
def years():
    return {y: json.loads(ats("calendar", "show", "--year", y, "--json").stdout)
            for y in range(1980, 2031)}


def local(ns):
    return dt.datetime.fromtimestamp(ns // 10**9, dt.timezone.utc).astimezone(NEW_YORK)


def test_every_session_agrees_with_zoneinfo(years):
    count = 0
    for shown in years.values():
        for s in shown["sessions"]:
            opens, closes = local(s["open_ns"]), local(s["close_ns"])
            day = dt.date.fromisoformat(s["date"])
            assert opens.date() == closes.date() == day
            assert s["utc_offset_s"] == opens.utcoffset().total_seconds()
            assert local(s["pre_ns"]).strftime("%H:%M") == "04:00"
            assert local(s["post_ns"]).strftime("%H:%M") == "20:00"
            if not s["late_open"]:
                assert opens.strftime("%H:%M") == ("10:00" if s["date"] < "1985-09-30" else "09:30")
            assert (closes.strftime("%H:%M") != "16:00") == s["early_close"]
            assert s["late_open"] or s["early_close"] or "reason" not in s
            count += 1
    assert count == 12850
    # Every weekday is a session or has a reason not to be one.
    for year, shown in years.items():
        days = {s["date"] for s in shown["sessions"]} | {c["date"] for c in shown["closed"]}
        day, weekdays = dt.date(year, 1, 1), set()
        while day.year == year:
            if day.weekday() < 5:
                weekdays.add(str(day))
            day += dt.timedelta(days=1)
        assert days == weekdays


def test_holidays_and_early_closes_agree_with_lean(years):
    [path] = data_file("lean_market_hours", "equity-usa.json")
    lean = json.loads(path.read_text())["Equity-usa-[*]"]

    def date(text):
        month, day, year = map(int, text.split("/"))
        return dt.date(year, month, day)
    closed = {str(date(t)) for t in lean["holidays"] if date(t).weekday() < 5}
    early = {str(date(t)): time[:5] for t, time in lean["earlyCloses"].items()
             if date(t).weekday() < 5}
    last = max(closed)
    ours_closed = {c["date"] for y in years.values() for c in y["closed"]}
    ours_early = {s["date"]: local(s["close_ns"]).strftime("%H:%M")
                  for y in years.values() for s in y["sessions"] if s["early_close"]}
    differs = {d for d in closed ^ ours_closed if "1998" <= d <= last}
    differs |= {d for d in early.keys() | ours_early.keys()
                if "1998" <= d <= last and early.get(d) != ours_early.get(d)}
    assert len(closed) > 280 and len(early) > 60
    assert differs == set(LEAN_DIFFERS)


def test_the_file_is_what_the_generator_makes(work):
    tool = ROOT / "tools" / "calendar-update"
    made = work / "made.json"
    subprocess.run([sys.executable, tool, "-o", made], check=True)
    assert made.read_text() == FILE.read_text()
    changed = FILE.read_text().replace('"Hurricane Sandy"', '"Wind"', 1)
    made.write_text(changed)
    assert subprocess.run([sys.executable, tool, "-o", made, "--check"]).returncode == 1


def test_a_file_is_checked_and_used(work):
    good = work / "good.json"
    good.write_text(FILE.read_text().replace('"2024-11-29": {"close": "13:00"',
                                             '"2024-11-29": {"close": "12:00"'))
    assert "12850 sessions" in ats("calendar", "check", good).stdout
    assert "09:30-12:00" in ats("calendar", "show", "2024-11-29", "--file", good).stdout
    assert "09:30-13:00" in ats("calendar", "show", "2024-11-29").stdout
    bad = work / "bad.json"
    bad.write_text(FILE.read_text().replace('"2024-11-29": {"close": "13:00"',
                                            '"2024-11-29": {"close": "25:00"'))
    done = ats("calendar", "check", bad, check=False)
    assert done.returncode == 3 and "special.2024-11-29" in done.stderr
    bad.write_text(FILE.read_text()[:-20])
    done = ats("calendar", "check", bad, check=False)
    assert done.returncode == 3 and "bad.json:" in done.stderr
    assert ats("calendar", "show", "2024-02-30", check=False).returncode == 2
    assert ats("calendar", "show", "--year", "2040", check=False).returncode == 2


def test_a_configuration_may_name_another(work, demo_config):
    path = work / "with_calendar.yaml"
    path.write_text(demo_config.replace('file: ""', "file: nowhere.json"))
    done = ats("config", "check", path, check=False)
    assert done.returncode == 3 and "calendar.file" in done.stderr and "nowhere.json" in done.stderr
    (work / "here.json").write_text(FILE.read_text())
    path.write_text(demo_config.replace('file: ""', "file: here.json"))
    assert ats("config", "check", path).returncode == 0


def test_a_run_keeps_the_calendar_it_was_given(work, demo_config):
    (work / "mine.json").write_text(FILE.read_text())
    config, capture, run = work / "run.yaml", work / "day.cap", work / "run"
    config.write_text(re.sub("path: .*", 'path: ""', demo_config.replace('file: ""',
                                                                         "file: mine.json")))
    ats("synth", "-o", capture, "--duration", "2s", "--symbols", "2")
    ats("backtest", "-c", config, capture, "--run-dir", run)
    (work / "mine.json").unlink()
    assert (run / "calendar.json").read_text() == FILE.read_text()
    ats("replay", "--run", run, "--run-dir", work / "again")
