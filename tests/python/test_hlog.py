"""Latency logs of ours, decoded by the PyPI package hdrhistogram: counts, percentiles, minimum,
maximum, mean and the percentile text must agree with what it makes of the same values.

HLOG_VECTORS names the program that writes them (built by CMake)."""

import math
import os
import subprocess

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

HIGHEST = 3_600_000_000_000
PERCENTILES = [0.001, 1, 10, 25, 50, 75, 90, 95, 99, 99.9, 99.99, 99.999, 100]
TAGS = ["feed", "event_to_order", "empty", "one"]


def reference(values):
    histogram = HdrHistogram(1, HIGHEST, 3)
    for value in values:
        assert histogram.record_value(min(value, HIGHEST))
    return histogram


def counts(histogram):
    return {i: histogram.get_count_at_index(i)
            for i in range(histogram.counts_len) if histogram.get_count_at_index(i)}


@pytest.fixture(scope="module", params=[(1, 5000), (2, 37), (3, 20000), (4, 1)])
def written(request, tmp_path_factory):
    seed, n = request.param
    folder = tmp_path_factory.mktemp(f"hlog-{seed}")
    subprocess.run([os.environ["HLOG_VECTORS"], str(folder), str(seed), str(n)], check=True)
    values = {tag: [] for tag in TAGS}
    for line in (folder / "values.txt").read_text().splitlines():
        tag, value = line.split()
        values[tag].append(int(value))
    assert len(values["feed"]) == len(values["event_to_order"]) == n
    return folder, {tag: reference(v) for tag, v in values.items()}, values


def intervals(folder):
    reader = HistogramLogReader(str(folder / "latency.hlog"), HdrHistogram(1, HIGHEST, 3))
    found = []
    while (histogram := reader.get_next_interval_histogram()) is not None:
        found.append(histogram)
    reader.close()
    return found


def test_every_interval_decodes_to_the_same_counts(written):
    folder, expected, _ = written
    found = intervals(folder)
    assert [h.get_tag() for h in found] == TAGS
    for histogram in found:
        want = expected[histogram.get_tag()]
        assert counts(histogram) == counts(want)
        assert histogram.get_total_count() == want.get_total_count()


def test_statistics_agree(written):
    folder, expected, values = written
    for histogram in intervals(folder):
        tag = histogram.get_tag()
        want = expected[tag]
        if not values[tag]:
            assert histogram.get_total_count() == 0
            continue
        for percentile in PERCENTILES:
            assert (histogram.get_value_at_percentile(percentile)
                    == want.get_value_at_percentile(percentile))
        assert histogram.get_max_value() == want.get_max_value()
        assert histogram.get_min_value() == want.get_min_value()


def test_times_are_those_of_the_intervals(written):
    folder, _, _ = written
    for i, histogram in enumerate(intervals(folder)):
        start_ms = 1_700_000_000_123 + 1000 * i
        assert histogram.get_start_time_stamp() == pytest.approx(start_ms, abs=1)
        assert histogram.get_end_time_stamp() == pytest.approx(start_ms + 1500, abs=1)


def read_hgrm(path):
    lines = path.read_text().splitlines()
    assert lines[0].split() == ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"]
    rows = [line.split() for line in lines[2:] if not line.startswith("#")]
    footer = "".join(line for line in lines if line.startswith("#["))
    keys = {}
    for part in footer.replace("#[", "").replace("]", ",").split(","):
        if "=" in part:
            key, value = part.split("=")
            keys[key.strip()] = float(value)
    return rows, keys


def test_percentile_text_agrees(written):
    folder, expected, values = written
    for tag in TAGS:
        rows, footer = read_hgrm(folder / f"latency-{tag}.hgrm")
        want = expected[tag]
        total = want.get_total_count()
        assert footer["Total count"] == total
        assert footer["SubBuckets"] == 2048 and footer["Buckets"] == 32
        if total == 0:
            assert rows == [] and footer["Mean"] == footer["Max"] == 0
            continue
        assert footer["Max"] == want.get_max_value()
        assert footer["Mean"] == pytest.approx(want.get_mean_value(), rel=1e-9, abs=1e-3)
        assert footer["StdDeviation"] == pytest.approx(want.get_stddev(), rel=1e-9, abs=1e-3)
        assert len(rows[-1]) == 3 and float(rows[-1][1]) == 1 and int(rows[-1][2]) == total
        # Cumulative counts against the values themselves, not against any histogram.
        ordered = sorted(min(v, HIGHEST) for v in values[tag])
        previous = -1.0
        for row in rows:
            value, level, seen = float(row[0]), float(row[1]), int(row[2])
            assert level > previous
            previous = level
            assert sum(v <= value for v in ordered) == seen if len(ordered) < 100 else seen <= total
            assert seen >= math.floor(level * total)
            if len(row) == 4:
                assert float(row[3]) == pytest.approx(1 / (1 - level), rel=1e-2, abs=0.01)


def java_rows(histogram, ticks=5):
    """PercentileIterator of the Java library over the reference's counts. (The package's own
    iterator takes other levels than Java's, so it cannot be the reference.)"""
    total, seen, level, rows, value = histogram.get_total_count(), 0, 0.0, [], 0
    for i, n in sorted(counts(histogram).items()):
        seen += n
        value = histogram.get_highest_equivalent_value(histogram.get_value_from_index(i))
        while 100.0 * seen / total >= level:
            rows.append((value, level / 100, seen))
            level += 100.0 / (ticks * 2 ** (int(math.log(100 / (100 - level)) / math.log(2)) + 1))
            if seen == total:
                break
    return rows + [(value, 1.0, total)]


def test_rows_are_those_of_the_java_rule(written):
    folder, expected, values = written
    for tag in TAGS:
        if not values[tag]:
            continue
        rows, _ = read_hgrm(folder / f"latency-{tag}.hgrm")
        got = [(float(r[0]), float(r[1]), int(r[2])) for r in rows]
        want = java_rows(expected[tag])
        assert [(v, n) for v, _, n in got] == [(v, n) for v, _, n in want]
        assert [level for _, level, _ in got] == pytest.approx([l for _, l, _ in want], abs=1e-12)
