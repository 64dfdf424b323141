"""A strategy of one's own, as a newcomer meets it: written, built, traded, asked why; and what becomes of plug-ins that
cannot be loaded, take too long, run away or look ahead."""
import json
import pathlib
import re
import subprocess

import pytest

from conftest import ats, run_json

NOTHING = """
#include "ats_strategy.h"
static size_t state_bytes(const ats_strategy_setup *s) { (void)s; return 64; }
static int init(void *state, const ats_strategy_setup *s, char *why, size_t n)
{ (void)state; (void)s; (void)why; (void)n; return 0; }
@DECLARATIONS@
static const ats_strategy_plugin PLUGIN = {.abi = @ABI@, .bytes = sizeof(ats_strategy_plugin), .name = "own",
    .wants = ATS_WANTS_QUOTES, .state_bytes = state_bytes, .init = init, @CALLBACKS@};
const ats_strategy_plugin *@GET@(void) { return &PLUGIN; }
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    ats("synth", "-q", "-o", folder / "day.cap", "--duration", "40m", "--symbols", 4, "--volatility", 600)
    ats("new-strategy", "momentum", cwd=folder)
    subprocess.run(["make", "-s"], cwd=folder / "momentum", check=True)
    return folder


def backtest(place, config, name, *options, check=True, **environment):
    import os
    return ats("backtest", "-q", "-c", config, "--run-dir", place / name, *options, place / "day.cap", check=check,
               env={**os.environ, **{k: str(v) for k, v in environment.items()}})


def plugin(place, name, declarations="", callbacks="", abi="ATS_STRATEGY_ABI", get="ats_strategy_plugin_get"):
    """Builds a plug-in and a configuration that names it, in a folder of its own."""
    folder = place / name
    ats("new-strategy", name, cwd=place)
    text = NOTHING.replace("@DECLARATIONS@", declarations).replace("@CALLBACKS@", callbacks)
    (folder / f"{name}.c").write_text(text.replace("@ABI@", abi).replace("@GET@", get))
    subprocess.run(["make", "-s", "CFLAGS=-O1 -Wno-unused -Wno-missing-prototypes"], cwd=folder, check=True)
    config = folder / f"{name}.yaml"
    lines = config.read_text().splitlines()
    start = lines.index("    parameters:")
    del lines[start:start + 4]
    config.write_text("\n".join(lines) + "\n")
    return config


def test_what_is_written_builds_trades_and_can_be_repeated(place):
    config = place / "momentum/momentum.yaml"
    assert sorted(p.name for p in (place / "momentum").iterdir()) == [
        "Makefile", "ats_strategy.h", "momentum.c", "momentum.so", "momentum.yaml"]
    ats("config", "check", config)
    backtest(place, config, "first")
    backtest(place, config, "second")
    one, two = run_json(place / "first"), run_json(place / "second")
    assert one["digest"] == two["digest"]
    assert one["decisions"]["fills"] >= 4
    assert not any(w.startswith("no_") for w in one["warnings"])
    ats("replay", "-q", "--run", place / "first", "--run-dir", place / "repeated")
    assert run_json(place / "repeated")["digest"] == one["digest"]


def test_parameters_of_the_configuration_reach_it(place):
    text = (place / "momentum/momentum.yaml").read_text()
    slow = place / "momentum/slow.yaml"
    slow.write_text(re.sub(r"slow: 20", "slow: 35", text))
    backtest(place, slow, "slow")
    assert run_json(place / "slow")["digest"] != run_json(place / "first")["digest"]
    slow.write_text(re.sub(r"slow: 20", "slow: 4000", text))
    done = backtest(place, slow, "too-slow", check=False)
    assert done.returncode == 3 and "parameters.slow: 4000 is out of range; 2 to 1000" in done.stderr
    slow.write_text(re.sub(r"slow: 20", "slwo: 20", text))
    done = backtest(place, slow, "misspelt", check=False)
    assert done.returncode == 3 and "parameters.slwo: momentum has no such one; it has timeframe_s, fast, slow" in done.stderr


def test_nothing_is_written_over(place):
    done = ats("new-strategy", "momentum", cwd=place, check=False)
    assert done.returncode == 1 and "momentum: File exists" in done.stderr
    for name in ("Momentum", "9lives", "a-b", "x" * 32, ""):
        assert ats("new-strategy", name, cwd=place, check=False).returncode == 2


def test_why_tells_the_chain_of_reasons(place):
    run = place / "first"
    import sqlite3
    store = sqlite3.connect(run / "store.db")
    symbol, ns = store.execute("SELECT s.symbol, i.recv_ns FROM intents i JOIN symbols s USING (run, symbol_id)"
                               " WHERE i.reason = 'entry_long' ORDER BY i.seq LIMIT 1").fetchone()
    at = f"{ns // 10**9 // 3600 % 24:02}:{ns // 10**9 // 60 % 60:02}:{ns / 10**9 % 60:.9f}"
    told = json.loads(ats("why", run, symbol, at, "-w", "100ms", "--json").stdout)
    texts = [line["text"].split()[0] for line in told["lines"]]
    for word in ("fast", "slow", "size", "intent", "gate", "fill"):
        assert word in texts, told["lines"]
    order = [texts.index(w) for w in ("fast", "size", "intent", "gate", "fill")]
    assert order == sorted(order), "from what it saw to what it got"
    quiet = ats("why", run, symbol, "23:59:59")
    assert "nothing was asked, decided or heard" in quiet.stdout
    assert ats("why", run, "NOSUCH", at, check=False).returncode == 4
    assert ats("why", run, symbol, "noon", check=False).returncode == 2


def test_plugins_that_cannot_be_loaded_are_refused_before_anything_starts(place):
    text = (place / "momentum/momentum.yaml").read_text()
    config = place / "momentum/broken.yaml"
    config.write_text(text.replace("./momentum.so", "./gone.so"))
    done = backtest(place, config, "gone", check=False)
    assert done.returncode == 3 and "gone.so: No such file" in done.stderr
    assert not (place / "gone").exists()
    config.write_text(text.replace("./momentum.so", "momentums"))
    done = backtest(place, config, "unknown", check=False)
    assert done.returncode == 3 and "momentums is none; built in are model_signal" in done.stderr
    (place / "momentum/text.so").write_text("this is no shared object")
    config.write_text(text.replace("./momentum.so", "./text.so"))
    assert re.search("invalid ELF header|file too short", backtest(place, config, "text", check=False).stderr)
    done = backtest(place, plugin(place, "other_abi", abi="77"), "abi", check=False)
    assert done.returncode == 3 and "speaks version 77 of the interface, this program 1" in done.stderr
    done = backtest(place, plugin(place, "no_symbol", get="something_else"), "symbol", check=False)
    assert done.returncode == 3 and "exports no ats_strategy_plugin_get" in done.stderr
    refuses = ("static int no(void *s, const ats_strategy_setup *u, char *why, size_t n)"
               "{ (void)s; (void)u; __builtin_strncpy(why, \"not on a Sunday\", n); return -1; }")
    done = backtest(place, plugin(place, "refuses", refuses, ".init = no"), "refused", check=False)
    assert done.returncode == 3 and "not on a Sunday" in done.stderr


SLOW = """
#include <time.h>
static void on_market(void *s, const ats_strategy_host *host, const ats_market_view *v)
{
    struct timespec a, b; (void)s;
    clock_gettime(CLOCK_MONOTONIC, &a);
    if (v->symbol == 1)
        do clock_gettime(CLOCK_MONOTONIC, &b); while ((b.tv_sec - a.tv_sec) * 1000000000l + b.tv_nsec - a.tv_nsec < 2000000);
    ats_entry e = {.symbol = v->symbol, .side = ATS_VIEW_BUY, .urgency = 1, .hold_ns = 1000000000};
    host->enter(host, &e);
}
"""


def test_one_that_overruns_its_budget_is_counted_and_suspended(place):
    config = plugin(place, "slow_one", SLOW, ".on_market = on_market")
    backtest(place, config, "overrun", ATS_STRATEGY_CALL_BUDGET="1ms", ATS_STRATEGY_MAX_OVERRUNS=5, ATS_STRATEGY_AVOID_OPEN="0s")
    import sqlite3
    store = sqlite3.connect(place / "overrun/store.db")
    last = dict(store.execute("SELECT name || label, max(value) FROM metrics WHERE name LIKE 'strategy.%' GROUP BY 1"))
    assert last["strategy.suspended"] == 1 and last["strategy.overruns"] >= 6
    assert store.execute("SELECT value FROM env WHERE code = 21").fetchall() == [(1,)]
    before = run_json(place / "overrun")["decisions"]["fills"]
    assert 0 < before < 200, "it is called no more"
    held = [p for p in run_json(place / "overrun")["portfolio"]["positions"] if p["qty"] != 0]
    assert held == [], "what it held was left by the engine"


CHEAT = """
/* What it saw in the run before is the future of this one: it keeps the prices of each minute in a file. */
#include <stdio.h>
static double seen[64], now[64];
static int start(void *s, const ats_strategy_setup *u, char *why, size_t n)
{
    (void)s; (void)u; (void)why; (void)n;
    FILE *f = fopen("@FILE@", "rb");
    if (f) { if (fread(seen, sizeof seen, 1, f) != 1) seen[0] = 0; fclose(f); }
    return 0;
}
static void end(void *s)
{
    (void)s;
    FILE *f = fopen("@FILE@", "wb");
    if (f) { fwrite(now, sizeof now, 1, f); fclose(f); }
}
static void on_market(void *s, const ats_strategy_host *host, const ats_market_view *v)
{
    (void)s;
    int64_t minute = v->now_ns / 60000000000ll;
    if (v->symbol != 1) return;
    now[minute % 64] = (double)v->price_e9;
    ats_entry e = {.symbol = 1, .side = seen[(minute + 1) % 64] > (double)v->price_e9 ? ATS_VIEW_BUY : ATS_VIEW_SELL,
                   .urgency = 1, .hold_ns = 1000000000};
    host->enter(host, &e);
}
"""


def test_a_look_ahead_is_found_and_honest_strategies_pass(place):
    done = ats("backtest", "-q", "-c", place / "momentum/momentum.yaml", "--check-lookahead", place / "day.cap", "--json")
    told = json.loads(done.stdout)
    assert told["clean"] and len(told["cuts"]) == 8 and all(c["decisions"] > 0 for c in told["cuts"])
    config = plugin(place, "cheat", CHEAT.replace("@FILE@", str(place / "seen")),
                    ".init = start, .fini = end, .on_market = on_market")
    text = config.read_text().replace("allow_short: false", "allow_short: true")
    config.write_text(text)
    done = ats("backtest", "-q", "-c", config, "--check-lookahead", place / "day.cap", check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "DIFFERENT" in done.stdout and "decisions rest on what came after them" in done.stdout


RUNAWAY = """
/* In and out at each quote, for as long as it is let. */
static void on_market(void *s, const ats_strategy_host *host, const ats_market_view *v)
{
    (void)s;
    if (v->symbol != 1) return;
    ats_entry e = {.symbol = 1, .side = ATS_VIEW_BUY, .urgency = 1, .hold_ns = 1};
    if (host->enter(host, &e) != 0) host->leave(host, 1, 1, "enough");
}
"""


def test_one_that_runs_away_is_stopped_by_the_gate(place):
    """Entries of one symbol and side in an hour: as many as the limit says, then none until a person re-arms."""
    import sqlite3
    config = plugin(place, "runaway", RUNAWAY, ".on_market = on_market")
    free = {"ATS_STRATEGY_COOLDOWN": "0s", "ATS_STRATEGY_AVOID_OPEN": "0s", "ATS_RISK_DUPLICATE_WINDOW": "0s",
            "ATS_RISK_MAX_LOSS_STREAK": 1000000}
    backtest(place, config, "ran-away", ATS_RISK_MAX_REPEATS=20, ATS_RISK_REPEAT_WINDOW="1h", **free)
    store = sqlite3.connect(place / "ran-away/store.db")
    assert store.execute("SELECT value FROM env WHERE code = 11").fetchall() == [(21,)], "told once, with the count"
    [(tripped_ns,)] = store.execute("SELECT recv_ns FROM env WHERE code = 11")
    entries = store.execute("SELECT o.recv_ns FROM orders o WHERE o.reason = 'entry_long' AND o.action = 'new'").fetchall()
    assert len(entries) == 20 and all(ns <= tripped_ns for ns, in entries)
    refused = dict(store.execute("SELECT verdict, count(*) FROM verdicts GROUP BY 1"))
    assert refused.get("throttle", 0) > 20, "it goes on asking"
    held = [p for p in run_json(place / "ran-away")["portfolio"]["positions"] if p["qty"] != 0]
    assert held == [], "it may leave what it has"
    backtest(place, config, "let-run", ATS_RISK_MAX_REPEATS=60000, ATS_RISK_REPEAT_WINDOW="1h", **free)
    assert run_json(place / "let-run")["decisions"]["fills"] > 80, "else it would have gone on"
