"""Commands to a run, given beforehand in a file: what each does, that it is journaled, and that a repeated run meets it."""
import os
import sqlite3

import pytest

import audit
from conftest import ROOT, ats, run_json

START = 1704205800  # 2024-01-02 14:30 UTC
ENTRY, EXIT = (1, 2), tuple(range(3, 11))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("commands")
    ats("synth", "-q", "-o", folder / "one.cap", "--seed", 1, "--duration", "20m", "--signal", 400)
    ats("synth", "-q", "-o", folder / "day.cap", "--seed", 2, "--duration", "20m", "--signal", 400)
    if "no-xgboost" in ats("--version").stdout:
        pytest.skip("this build has no XGBoost to train with")
    ats("train", "-q", "-o", folder / "model.json", "--trees", 20, "--horizon", "500ms", "--stride", 2, folder / "one.cap")
    return folder


def run(place, name, commands, check=True, **environment):
    path = place / f"{name}.csv"
    path.write_text(commands)
    done = ats("backtest", "-q", "-c", ROOT / "configs/demo.yaml", "--run-dir", place / name, place / "day.cap", check=check,
               env={**os.environ, "ATS_MODEL_PATH": str(place / "model.json"), "ATS_RUN_COMMANDS": str(path), "ATS_CACHE_DIR": "",
                    **environment})
    return done if not check else (place / name, audit.records(place / name / "audit.bin"))


def at(minute, second=0):
    return f"2024-01-02T14:{30 + minute:02}:{second:02}Z"


def ns(minute, second=0):
    return (START + minute * 60 + second) * 10**9


def entries(raw):
    intents = audit.of_kind(raw, audit.INTENT)
    return intents[(intents["action"] == 1) & (intents["reason"] <= 2)]


def env(directory):
    return sqlite3.connect(directory / "store.db").execute("SELECT recv_ns, code, value FROM env ORDER BY seq").fetchall()


def test_pause_stops_entries_and_resume_lets_them_through(place):
    directory, raw = run(place, "pause", f"# a comment\n\n{at(5)},pause\n{at(10)},resume model\n")
    when = entries(raw)["recv_ns"]
    assert ((when > ns(2)) & (when < ns(5))).sum() > 50 and (when > ns(10)).sum() > 50
    assert ((when > ns(5)) & (when < ns(10))).sum() == 0
    assert [code for _, code, _ in env(directory)] == [9, 10], "both are journaled"
    ats("replay", "-q", "--run", directory, "--run-dir", place / "pause-again")
    assert run_json(place / "pause-again")["digest"] == run_json(directory)["digest"]


@pytest.mark.parametrize("latch, code", [("halt", 6), ("freeze", 7), ("kill", None)])
def test_a_latch_holds_until_a_person_rearms(place, latch, code):
    directory, raw = run(place, latch, f"{at(5)},{latch}\n{at(12)},rearm\n")
    fills = audit.of_kind(raw, audit.EXEC)
    fills = fills[fills["type"] == 3]
    opened = fills[fills["reason"] <= 2]["recv_ns"]
    assert (opened < ns(5)).sum() > 50
    assert ((opened > ns(5, 1)) & (opened < ns(12))).sum() == 0, "nothing adds exposure"
    after = (opened > ns(12)).sum()
    assert after == 0 if latch == "kill" else after > 50, "taken back by hand, it trades again; a kill is for the whole run"
    if latch == "halt":
        left = fills[fills["reason"] > 2]["recv_ns"]
        assert ((left > ns(5)) & (left < ns(12))).sum() > 0, "ways out stay open"
    codes = [c for _, c, _ in env(directory)]
    assert (code or 1) in codes and 8 in codes


def test_flatten_leaves_everything_and_what_is_left_is_told(place):
    directory, raw = run(place, "flatten", f"{at(8)},pause\n{at(8)},flatten\n")
    execs = audit.of_kind(raw, audit.EXEC)
    fills = execs[execs["type"] == 3]
    assert len(fills) > 100 and (fills["recv_ns"] < ns(8, 30)).all(), "flat within seconds, and then quiet"
    assert all(p["qty"] == 0 for p in run_json(directory)["portfolio"]["positions"])
    assert not any(w.startswith("open_positions") for w in run_json(directory)["warnings"])


def test_a_limit_holds_for_its_time_and_is_journaled(place):
    directory, raw = run(place, "limit", f"{at(5)},limit max_order_notional 500 until {at(10)}\n")
    verdicts = audit.of_kind(raw, audit.VERDICT)
    names = sqlite3.connect(directory / "store.db").execute(
        "SELECT recv_ns FROM verdicts WHERE verdict = 'max_notional'").fetchall()
    times = [t for t, in names]
    assert times and all(ns(5) <= t < ns(10, 1) for t in times), "only then"
    assert len(verdicts) > len(times)
    told = [(t, v) for t, code, v in env(directory) if code == 15]
    assert told[0] == (ns(5), 500 * 10**9) and told[1][1] == 5000 * 10**9 and told[1][0] >= ns(10)


def test_a_limit_is_not_loosened_beyond_twice(place):
    directory, _ = run(place, "loose", f"{at(5)},limit max_order_notional 10001\n{at(6)},limit max_order_notional 10000\n")
    assert [(c, v) for _, c, v in env(directory)] == [(16, 10001 * 10**9), (15, 10000 * 10**9)]
    assert any(w.startswith("limit_refused: 1 ") for w in run_json(directory)["warnings"])


def test_safe_mode_halves_sizes(place):
    directory, _ = run(place, "safe", f"{at(5)},safe_mode on\n{at(10)},safe_mode off\n", ATS_RISK_MAX_ORDER_NOTIONAL="3000")
    times = [t for t, in sqlite3.connect(directory / "store.db").execute(
        "SELECT recv_ns FROM verdicts WHERE verdict = 'max_notional'")]
    assert times and all(ns(5) <= t < ns(10, 1) for t in times)


@pytest.mark.parametrize("text, what", [
    ("2024-01-02T14:35:00Z stop\n", "line 1: want a time, a comma and a command"),
    ("today,pause\n", "line 1: the time is none"),
    ("2024-01-02,stop\n", "line 1: no such command; there are pause"),
    ("# one\n2024-01-02,pause nobody\n", "line 2: want the command alone, or with the name of one strategy"),
    ("2024-01-03,pause\n2024-01-02,pause\n", "line 2: earlier than the line before"),
    ("2024-01-02,limit max_posision 2%\n", "max_posision: no such limit; they are the keys of risk"),
    ("2024-01-02,limit max_position 2\n", "allowed: 0.01% to 1000%"),
    ("2024-01-02,limit max_position 2% till 2024-01-03\n", "limit NAME VALUE until TIME"),
    ("2024-01-02,safe_mode maybe\n", "safe_mode on, or safe_mode off"),
    ("2024-01-02,halt now\n", "the command stands alone"),
])
def test_what_makes_no_sense_is_refused_with_its_line(place, text, what):
    done = run(place, "bad", text, check=False)
    assert done.returncode == 4 and what in done.stderr
    assert not (place / "bad").exists()


def test_a_latch_outlives_its_run_until_it_is_taken_back_by_hand(place):
    file = place / "latch"
    latch = {"ATS_RISK_LATCH": str(file)}
    run(place, "first", f"{at(5)},halt\n", **latch)
    assert " halt " in file.read_text().splitlines()[-1]
    directory, raw = run(place, "second", "", **latch)
    assert not (entries(raw)["recv_ns"] > 0).any() or audit.of_kind(raw, audit.EXEC)["type"].tolist().count(3) == 0
    assert run_json(directory)["decisions"]["fills"] == 0, "it starts halted"
    for tape in ("reference", "full"):
        name = f"halted-{tape}"
        directory, _ = run(place, name, "", **latch, ATS_RUN_TAPE=tape)
        ats("replay", "-q", "--run", directory, "--run-dir", place / f"{name}-again")
        assert run_json(place / f"{name}-again")["digest"] == run_json(directory)["digest"]
    assert "is taken back" in ats("rearm", file, "--reason", "checked").stdout
    assert run_json(run(place, "third", f"{at(5)},kill\n", **latch)[0])["decisions"]["fills"] > 100
    done = run(place, "fourth", "", check=False, **latch)
    assert done.returncode == 6 and "FREEZE since" in done.stderr and "ats rearm" in done.stderr
    assert not (place / "fourth").exists()
    file.write_text(file.read_text()[:-5])
    assert "damaged" in run(place, "fifth", "", check=False, **latch).stderr, "a torn line is a latch"
    assert "FREEZE" in ats("rearm", file, "--reason", "checked again").stdout
    assert "no latch is set" in ats("rearm", file, "--reason", "once more").stdout
    assert ats("rearm", file, check=False).returncode == 2
    assert ats("rearm", place / "gone", "--reason", "x", check=False).returncode == 1
    (place / "notes.txt").write_text("buy milk\n")
    assert ats("rearm", place / "notes.txt", "--reason", "x", check=False).returncode == 4
    assert (place / "notes.txt").read_text() == "buy milk\n"
