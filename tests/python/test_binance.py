"""The five recorded Binance streams: every line accounted for, merged by receive time."""
import json
import subprocess

from conftest import ats, data_file

LINES = 291_746


def test_every_line_is_accounted_for_and_merged_by_receive_time(work):
    files = data_file("binance_raw_ws", "*.jsonl.zst")
    capture = work / "binance.cap"
    report = json.loads(ats("import", "binance-ws", "--json", *files, "-o", capture).stdout)
    lines = sum(f["lines"] for f in report["files"])
    assert lines == LINES
    taken = sum(f["taken"] for f in report["files"])
    counted = sum(sum(f["not_taken"].values()) for f in report["files"])
    assert taken + counted == LINES
    info = json.loads(ats("capture", "info", "--json", capture).stdout)
    expected = {"quote": 0, "trade": 0}
    first, last = None, None
    for f in files:
        text = subprocess.run(["zstd", "-dc", str(f)], capture_output=True, text=True, check=True)
        for line in text.stdout.splitlines():
            stamp, message = line.split(" ", 1)
            stamp = int(stamp)
            first = stamp if first is None else min(first, stamp)
            last = stamp if last is None else max(last, stamp)
            stream = json.loads(message).get("stream", "")
            expected["quote"] += stream.endswith("@bookTicker")
            expected["trade"] += stream.endswith("@trade")
    assert info["kinds"]["quote"] == expected["quote"]
    assert info["kinds"]["trade"] == expected["trade"]
    cat = ats("capture", "cat", "--jsonl", "--kind", "quote", capture).stdout.splitlines()
    times = [json.loads(line)["recv_ns"] for line in cat]
    assert times == sorted(times)
    assert min(times) >= first and max(times) <= last
