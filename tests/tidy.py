#!/usr/bin/env python3
"""The style that a machine can check. Prints each breach as file:line: what; exit 1 when there is one."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
LAYERS = ["core", "calc", "gpu", "io", "stages", "learn", "bench", "tools"]
# Lower may not include higher. The gpu backend stands beside io; benchmarks may use all but tools.
ORDER = {"core": 0, "calc": 1, "gpu": 2, "io": 2, "stages": 3, "learn": 4, "bench": 5, "tools": 6}

HOT = ["stages/feed/feed.c", "stages/feed/quality.c", "calc/robust.c", "stages/feature/feature.c", "stages/feature/symbol.c",
       "stages/feature/frame.c", "calc/sale_condition.c", "calc/calendar.c", "calc/forest/scorer_portable.c",
       "calc/forest/scorer_avx2.c", "calc/forest/scorer_avx512.c", "calc/forest/batch_avx512.c", "calc/forest/walk.h",
       "calc/forest/batch.h", "stages/infer/infer.c", "stages/infer/sample.c", "stages/strategy/strategy.c",
       "stages/strategy/strategies.c", "stages/strategy/desk.c", "stages/strategy/desk_orders.c",
       "stages/strategy/desk_guard.c", "stages/strategy/execution.c", "stages/strategy/market.c", "calc/sizing.c",
       "calc/exits.c", "calc/bar_builder.c", "stages/risk/risk.c", "stages/risk/gate.c", "stages/risk/checks_order.c",
       "stages/risk/checks_account.c", "stages/risk/exposure.c", "stages/risk/trading_day.c", "stages/risk/covariance.c",
       "stages/risk/throttle.c", "stages/risk/limits.c", "stages/route/route.c", "stages/route/send.c",
       "stages/route/answer.c", "stages/route/ledger.c", "stages/route/watch.c", "io/venue/venue_sim.c",
       "io/venue/agenda.c", "io/venue/answers.c", "io/venue/orders.c", "io/venue/sessions.c", "io/venue/quotes.c",
       "io/venue/bars.c", "calc/nbbo.c", "calc/portfolio.c", "calc/lots.c", "calc/money.c", "calc/order_table.c",
       "calc/order_state.c", "calc/order_legs.c", "gpu/request.c", "core/group.c", "core/ring.c", "core/stage.c",
       "io/net/loop.c", "io/net/loop_timer.c", "io/net/loop_uring.c", "io/net/loop_epoll.c",
       "io/codec/msgpack.c", "io/codec/rfc3339.c", "io/codec/live/value.c", "io/codec/live/decoder.c",
       "io/codec/live/fast.h", "io/codec/live/alpaca_build.c", "io/codec/live/alpaca_json.c",
       "io/codec/live/alpaca_fast.c", "io/codec/live/alpaca_msgpack.c", "io/codec/live/alpaca_msgpack_fast.c",
        "io/codec/live/order_request.c", "io/codec/live/client_order_id.c",
       "io/codec/live/broker_order.c", "io/codec/live/polygon.c", "io/codec/live/tiingo.c", "io/codec/live/iex.c"]
BANNED_HOT = re.compile(r"\b(malloc|calloc|realloc|free|aligned_alloc|printf|fprintf|snprintf|strdup|"
                        r"clock_gettime|gettimeofday|time|pthread_mutex_lock|open|write|read|"
                        r"sleep|usleep|nanosleep|rand|strcmp|strtod|exp|log|pow)\s*\(")
NO_FLOAT = ["stages/risk/gate.c", "stages/risk/gate.h", "stages/risk/gate_case.h", "stages/risk/risk.c",
            "stages/risk/checks_order.c", "stages/risk/checks_account.c", "stages/risk/exposure.c",
            "stages/risk/trading_day.c", "stages/risk/covariance.c", "stages/risk/covariance.h",
            "stages/risk/throttle.c", "stages/risk/throttle.h", "stages/risk/limits.c", "stages/risk/limits.h",
            "stages/route/route.c", "stages/route/send.c", "stages/route/answer.c", "stages/route/ledger.c",
            "stages/route/watch.c", "calc/money.c", "calc/money.h", "calc/portfolio.c", "calc/portfolio.h", "calc/nbbo.c",
            "calc/lots.c", "calc/lots.h", "calc/order_table.c", "calc/order_state.c", "calc/order_legs.c",
            "io/journal.c", "io/venue/venue_sim.c", "io/venue/agenda.c", "io/venue/answers.c", "io/venue/orders.c",
            "io/venue/sessions.c", "io/venue/quotes.c", "io/venue/bars.c", "io/codec/rfc3339.c",
            "io/codec/live/fast.h", "io/codec/live/decoder.c", "io/codec/live/alpaca_build.c",
            "io/codec/live/alpaca_json.c", "io/codec/live/alpaca_fast.c", "io/codec/live/broker_order.c",
            "io/codec/live/polygon.c", "io/codec/live/tiingo.c", "io/codec/live/iex.c"]
SUFFIX_T = re.compile(r"\bats_\w+_t\b")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX:|HACK)")
# A 16-byte stack buffer is never the reason; 80 lines is about what one reads without scrolling.
FUNCTION_LINES, FILE_LINES, COLUMNS = 80, 900, 100

breaches = []


def breach(path, line, what):
    breaches.append(f"{path.relative_to(ROOT)}:{line}: {what}")


def code_of(text):
    """The text with comments and strings blanked, line by line."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text,
                  flags=re.S)


def sources():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT,
                            capture_output=True, text=True, check=True).stdout.split()
    for name in listed:
        path = ROOT / name
        if path.suffix in (".c", ".h", ".cpp") and path.exists():
            yield path, name


def check_includes(path, name, text):
    layer = name.split("/")[0]
    if layer not in ORDER:
        return
    for n, line in enumerate(text.splitlines(), 1):
        found = re.match(r'#include "(\w+)/', line)
        if found and found.group(1) in ORDER and ORDER[found.group(1)] > ORDER[layer]:
            breach(path, n, f"{layer} includes {found.group(1)}: includes point downward")


def check_functions(path, code):
    start = None
    for n, line in enumerate(code.splitlines(), 1):
        if line == "{":
            start = n
        elif line == "}" and start:
            if n - start > FUNCTION_LINES:
                breach(path, start, f"a function of {n - start} lines; {FUNCTION_LINES} is the most")
            start = None


def check_file(path, name):
    text = path.read_text()
    code = code_of(text)
    lines = text.splitlines()
    check_includes(path, name, text)
    if not name.startswith("tests/"):  # a test may be one long table
        check_functions(path, code)
    if len(lines) > FILE_LINES:
        breach(path, FILE_LINES, f"{len(lines)} lines; a file has one job and at most {FILE_LINES}")
    for n, line in enumerate(lines, 1):
        # Tables that are easier to read as tables may be wider; the chain's wiring is the one there is.
        if len(line) > COLUMNS and name != "stages/chain.c":
            breach(path, n, f"{len(line)} columns")
        if UNFINISHED.search(line):
            breach(path, n, "unfinished mark")
    for n, line in enumerate(code.splitlines(), 1):
        if SUFFIX_T.search(line):
            breach(path, n, "types have no _t")
        if name in HOT and BANNED_HOT.search(line) and "inline" not in line:
            breach(path, n, f"not on the hot path: {BANNED_HOT.search(line).group()}...)")
        if name in NO_FLOAT and re.search(r"\b(float|double)\b", line):
            breach(path, n, "floating point in an integer part")
        if not name.startswith(("tools/", "tests/")) and re.search(r"\bexit\s*\(", line):
            breach(path, n, "exit below tools/")
        if re.search(r"\bvolatile\b", line) and not name.startswith("tests/") and \
                "sig_atomic_t" not in line and "__asm__" not in line:
            breach(path, n, "volatile is no way to share")


def main():
    for path, name in sources():
        check_file(path, name)
    for b in breaches:
        print(b)
    print(f"{len(breaches)} breaches")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
