"""Runs on a made-up day, which needs no recorded data: equal decisions of both compilers, a full disk,
bad input, an interrupt."""
import json
import os
import pathlib
import signal
import sqlite3
import struct
import subprocess
import time

import pytest
import xxhash

from conftest import ROOT, ats, run_json


@pytest.fixture(scope="module")
def capture(work):
    path = work / "synth.cap"
    ats("synth", "-o", path, "--duration", "30m", "--rate", 300, "--seed", 5)
    return path


@pytest.fixture(scope="module")
def model(work):
    """A forest of one tree, written here: buys when the queue leans to the bid, sells when to the
    ask. Feature 2 is queue_imbalance."""
    return work / "tree.json"


def write_model(path, feature_version):
    path.write_text(json.dumps({
        "learner": {
            "attributes": {"ats_feature_version": feature_version},
            "gradient_booster": {"name": "gbtree", "model": {"trees": [{
                "left_children": [1, -1, 3, -1, -1], "right_children": [2, -1, 4, -1, -1],
                "split_indices": [2, 0, 2, 0, 0],
                "split_conditions": [-0.5, -1.0, 0.5, 0.0, 1.0],
                "default_left": [0, 0, 0, 0, 0]}]}},
            "learner_model_param": {"base_score": "0", "num_class": "0", "num_feature": "20",
                                    "num_target": "1"},
            "objective": {"name": "reg:squarederror"}},
        "version": [1, 7, 4]}))


@pytest.fixture(scope="module")
def config(work, capture, model, demo_config):
    # A model of another feature version is refused, and the refusal names the one that is right.
    write_model(model, "1")
    path = work / "run.yaml"
    path.write_text(demo_config.replace('path: ""', "path: tree.json"))
    refused = ats("backtest", "-c", path, "--run-dir", work / "refused", capture, check=False)
    assert refused.returncode == 3 and "feature version" in refused.stderr
    write_model(model, refused.stderr.split("this program computes ")[1].split(";")[0])
    return path


@pytest.fixture(scope="module")
def run(work, config, capture):
    ats("replay", "-c", config, "--run-dir", work / "run", capture)
    assert run_json(work / "run")["decisions"]["orders"] > 50
    return work / "run"


def test_both_compilers_decide_the_same(run, work, config, capture):
    programs = [ROOT / "build" / preset / "ats" for preset in ("release", "clang", "debug")]
    def commit(program):
        text = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
        return next((line for line in text.splitlines() if line.startswith("commit")), "")

    ours = commit(os.environ.get("ATS", programs[0]))
    programs = [p for p in programs if p.exists() and commit(p) == ours]
    if len(programs) < 2 or "dirty" in ours:
        pytest.skip("no other build of the same commit is here")
    expected = run_json(run)["digest"]
    for i, program in enumerate(programs):
        directory = work / f"compiler{i}"
        subprocess.run([program, "backtest", "--quiet", "-c", config, "--run-dir",
                        directory, capture], check=True, capture_output=True)
        assert run_json(directory)["digest"] == expected, program


ENTRY = 192  # bytes of a journal entry: io/journal.h
CHECKSUM_AT = 188


def check_entries(entries, first):
    """Whole entries, numbered first, first + 1, ... without a hole."""
    assert len(entries) % ENTRY == 0
    for at in range(0, len(entries), ENTRY):
        entry = entries[at: at + ENTRY]
        number, = struct.unpack_from("<Q", entry, 0)
        checksum, = struct.unpack_from("<I", entry, CHECKSUM_AT)
        assert number == first + at // ENTRY
        assert checksum == xxhash.xxh3_64_intdigest(entry[:CHECKSUM_AT]) & 0xFFFFFFFF, number


def read_segment(path):
    """The entries that are in shared memory only, and the number of the first."""
    segment = path.read_bytes()
    assert segment[:8] == b"ATSJRNL\0"
    entry_bytes, capacity = struct.unpack_from("<IQ", segment, 12)
    head, = struct.unpack_from("<Q", segment, 512)
    tail, = struct.unpack_from("<Q", segment, 768)
    assert entry_bytes == ENTRY and len(segment) == 4096 + capacity * ENTRY
    assert tail <= head <= tail + capacity
    slots = [4096 + number % capacity * ENTRY for number in range(tail, head)]
    return b"".join(segment[at: at + ENTRY] for at in slots), tail + 1


@pytest.mark.parametrize("disk_bytes", [2 << 20, 6 << 20])
def test_a_full_disk_stops_trading_says_so_and_keeps_the_journal(work, config, capture, disk_bytes):
    name = f"full-disk-{os.getpid()}-{disk_bytes}"
    disk = work / name
    disk.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={disk_bytes}", "tmpfs", str(disk)],
                           capture_output=True)
    if mount.returncode != 0:
        pytest.skip("a small disk cannot be mounted here (needs root)")
    segments = []
    try:
        done = ats("replay", "-c", config, "--run-dir", disk / name, capture, check=False,
                   timeout=60)
        segments = list(pathlib.Path("/dev/shm").glob(f"ats-{name}-*.journal"))
        assert done.returncode == 1
        assert "No space left" in done.stderr and "trading stopped" in done.stderr
        on_disk = (disk / name / "journal" / "000001.journal").read_bytes()
        # Shared memory is kept when the disk has not all of it, and only then; it is told where.
        assert len(segments) == ("the order journal is kept in" in done.stderr)
        for segment in segments:
            assert str(segment) in done.stderr
            kept, first = read_segment(segment)
            safe = (first - 1) * ENTRY
            # A write that failed half-way left what shared memory still has, and nothing else.
            assert len(on_disk) >= safe and kept.startswith(on_disk[safe:])
            on_disk = on_disk[:safe] + kept
        check_entries(on_disk, 1)
        assert len(on_disk) >= 2 * ENTRY, "an order and its end were journaled"
    finally:
        for segment in segments:
            segment.unlink()
        subprocess.run(["umount", str(disk)], check=False)


@pytest.mark.parametrize("tape", ["full", "reference"])
def test_ctrl_c_ends_the_run_in_order(work, config, capture, tape):
    program = os.environ.get("ATS", str(ROOT / "build" / "release" / "ats"))
    directory, settings = work / f"interrupted-{tape}", work / f"interrupted-{tape}.yaml"
    settings.write_text(config.read_text().replace("tape: full", f"tape: {tape}"))
    process = subprocess.Popen([program, "replay", "--speed", "60x", "-c", str(settings),
                                "--run-dir", str(directory), str(capture)],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130, errors
    assert run_json(directory)["exit"] == 130
    # What it did until then can be repeated, and ends where it ended.
    done = ats("replay", "--run", directory, "--run-dir", work / f"again-{tape}")
    assert "decided the same" in done.stderr
    assert run_json(work / f"again-{tape}")["decisions"] == run_json(directory)["decisions"]
    days = json.loads(ats("features", "dump", "--run", directory, "--format", "hash", "--json").stdout)["days"]
    assert days == run_json(directory)["features"]["days"] and days[0]["vectors"] > 100


def test_a_run_without_a_model_says_that_nothing_could_be_traded(work, capture):
    directory = work / "no-model"
    ats("backtest", "-c", ROOT / "configs" / "demo.yaml", "--run-dir", directory, capture)
    assert any(w.startswith("no_model") for w in run_json(directory)["warnings"])


def test_a_run_of_bars_says_that_it_cannot_trade_and_what_it_misses(work, config):
    rows = [f"2018-01-02 {15 + m // 60}:{m % 60:02d}:00,10,11,9,10,100" for m in range(120)]
    (work / "bars.csv").write_text("time,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
    ats("import", "bar-csv", work / "bars.csv", "-o", work / "bars.cap", "--time-format", "%Y-%m-%d %H:%M:%S",
        "--zone", "UTC", "--bar-time", "start", "--period", "1m", "--class", "equity", "--symbol", "AAA")
    settings = work / "bars.yaml"
    settings.write_text((ROOT / "configs" / "demo.yaml").read_text().replace('index: ""', "index: SPY"))
    ats("backtest", "-c", settings, "--run-dir", work / "bars-run", work / "bars.cap")
    warnings = run_json(work / "bars-run")["warnings"]
    assert any(w.startswith("no_quotes") for w in warnings) and any(w.startswith("no_index") for w in warnings)


@pytest.mark.parametrize("damage, code", [
    (lambda b: b[: len(b) // 2], 0),  # a torn end is cut and the rest is read
    (lambda b: b"", 4),
    (lambda b: b"not a capture at all" * 100, 4),
    (lambda b: b[:3000] + bytes([b[3000] ^ 0x40]) + b[3001:], 4),
    # A cut file is scanned; its first block (behind 64 + 64 bytes of headers and 8 symbols) claims 4 GiB.
    (lambda b: b[:776] + b"\xff" * 8 + b[784: len(b) // 2], 4),
])
def test_damaged_input_gives_one_clear_line_or_is_cut(work, config, capture, damage, code):
    damaged = work / "damaged.cap"
    damaged.write_bytes(damage(capture.read_bytes()))
    directory = work / f"damaged-{hash(damaged.read_bytes()) & 0xffffffff}"
    done = ats("backtest", "-c", config, "--run-dir", directory, damaged, check=False)
    assert done.returncode == code, done.stderr
    if damaged.stat().st_size and code == 0:
        summary = run_json(directory)
        assert summary["data_quality"]["cut_bytes"] > 0
        assert any(w.startswith("cut_input") for w in summary["warnings"])
    if code:
        assert len(done.stderr.strip().splitlines()) <= 2 and "ats: " in done.stderr


def test_a_cut_input_that_changed_is_noticed(work, config, capture):
    settings = work / "reference.yaml"
    settings.write_text(config.read_text().replace("tape: full", "tape: reference"))
    cut, directory = work / "cut.cap", work / "cut"
    whole = capture.read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    ats("backtest", "-c", settings, "--run-dir", directory, cut)
    assert "decided the same" in ats("replay", "--run", directory, "--run-dir",
                                     work / "cut-again").stderr
    cut.write_bytes(whole[: len(whole) // 3])
    changed = ats("replay", "--run", directory, "--run-dir", work / "cut-changed", check=False)
    assert changed.returncode == 4 and "has changed" in changed.stderr


def test_a_time_that_cannot_be_ends_nothing_and_is_counted(work, config):
    trades = work / "times.csv"
    trades.write_text("ts_utc_ns,symbol,ex,price,size,tr_scond,tr_corr,tr_seqnum,tr_source,tr_rf\n"
                      "1,XXX,N,10,100,,0,1,C,\n"
                      "1514900000000000000,XXX,N,10,100,,0,2,C,\n"
                      "1524900000000000000,XXX,N,10,100,,0,3,C,\n"
                      "9223372036854775000,XXX,N,10,100,,0,4,C,\n")
    capture = work / "times.cap"
    report = json.loads(ats("import", "taq-csv", "--json", "--max-bad", "90%", trades, "-o",
                            capture).stdout)
    assert report["records"] == 3 and sum(report["files"][0]["not_taken"].values()) == 1
    # Four months between two trades: a bounded number of CLOCK records, not ten million.
    ats("backtest", "-c", config, "--run-dir", work / "times", capture, timeout=20)
    links = {link["name"]: link for link in run_json(work / "times")["topology"]["links"]}
    assert links["feed-feature"]["published"] < 110_000
    assert run_json(work / "times")["data_quality"]["quarantined"]["bad_time"] == 1


def test_the_store_holds_what_run_json_counts(run):
    decisions = run_json(run)["decisions"]
    db = sqlite3.connect(run / "store.db")
    count = lambda table, where="1": db.execute(  # noqa: E731
        f"SELECT count(*) FROM {table} WHERE {where}").fetchone()[0]
    assert count("intents") == decisions["intents"]
    assert count("orders") == decisions["orders"]
    assert count("executions", "type = 'fill'") == decisions["fills"]
    for reason, n in decisions["rejected_by_reason"].items():
        assert count("verdicts", f"verdict = '{reason}'") == n
    assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
