"""Round trips, attribution and execution quality worked out anew with pandas from what a run left: its
decisions, orders and executions in store.db, and its tape. And figures over days against quantstats."""
import json
import sqlite3

import numpy as np
import pandas as pd
import pytest

from conftest import ROOT, ats, data_file, run_json
from test_runs import write_model

S, E9 = {"buy": 1, "sell": -1}, 1e9
HORIZONS = {"after_1s": 10**9, "after_30s": 30 * 10**9, "after_5m": 300 * 10**9}


def table(run, sql):
    with sqlite3.connect(run / "store.db") as db:
        return pd.read_sql_query(sql, db)


@pytest.fixture(scope="module")
def capture(work):
    path = work / "quality.cap"
    ats("synth", "-o", path, "--duration", "25m", "--rate", 150, "--seed", 9)
    return path


def make_run(work, capture, name, **settings):
    """The tree of test_runs.py, with other settings of the configuration."""
    text = (ROOT / "configs" / "demo.yaml").read_text().replace('path: ""', f"path: {name}.json", 1)
    for key, value in settings.items():
        lines = [line for line in text.splitlines() if line.split(":")[0].strip() == key]
        assert len(lines) == 1, key
        text = text.replace(lines[0], lines[0].split(":")[0] + f": {value}")
    config = work / f"{name}.yaml"
    config.write_text(text)
    write_model(work / f"{name}.json", "1")
    refused = ats("backtest", "-c", config, "--run-dir", work / f"{name}-refused", capture, check=False)
    write_model(work / f"{name}.json", refused.stderr.split("this program computes ")[1].split(";")[0])
    ats("replay", "-c", config, "--run-dir", work / name, capture)
    return work / name


# Patient and sliced orders: parents of many children, fills that make, parts that stay unfilled.
WAYS = {
    "direct": {},
    "peg": {"algorithm": "peg", "cooldown": "20s", "urgent": "100%", "timeout": "10s"},
    "twap": {"algorithm": "twap", "cooldown": "20s", "twap_duration": "10s", "twap_slices": 4, "urgent": "100%"},
    "iceberg": {"algorithm": "iceberg", "cooldown": "20s", "iceberg_display": "30%", "urgent": "100%",
                "protect": "bracket", "target_multiple": 1, "notional": 4000},
}


@pytest.fixture(scope="module", params=WAYS)
def run(request, work, capture):
    return make_run(work, capture, request.param, **WAYS[request.param])


# ---- round trips ---------------------------------------------------------------------------------

def trips_of(fills):
    """One strategy in one symbol: (entry_ns, exit_ns, profit before fees, fees) of each trip; integers in 1e-18."""
    trips, held, cash, fees, entry = [], 0, 0, 0, None
    for f in fills.itertuples():
        qty, px, sign = int(f.last_qty_e9), int(f.last_px_e9), S[f.side]
        entry = f.recv_ns if held == 0 else entry
        assert held * sign >= 0 or qty <= abs(held), "the gate lets nothing through zero"
        held += sign * qty
        cash -= sign * qty * px
        fees += int(f.fee_e9) * 10**9
        if held == 0:
            trips.append((entry, f.recv_ns, cash, fees, f.reason))
            cash = fees = 0
    return trips, (entry, held, cash, fees)


def test_round_trips_and_attribution(run):
    fills = table(run, "SELECT * FROM executions WHERE type = 'fill' ORDER BY seq")
    trades = table(run, "SELECT *, coalesce(exit_ns, 0) AS left_ns FROM trades ORDER BY trade") # no float for NULL
    marks = {p["symbol"]: p["mark"] for p in run_json(run)["portfolio"]["positions"]}
    symbols = table(run, "SELECT symbol_id, symbol FROM symbols").set_index("symbol_id").symbol
    count = 0
    for (strategy, symbol), mine in fills.groupby(["strategy_id", "symbol_id"]):
        found, (entry, held, cash, fees) = trips_of(mine)
        theirs = trades[(trades.strategy_id == strategy) & (trades.symbol_id == symbol)]
        ended = theirs[theirs.left_ns > 0]
        assert list(ended.entry_ns) == [t[0] for t in found]
        assert list(ended.left_ns) == [t[1] for t in found]
        assert np.abs(ended.profit_e9.to_numpy() - [(t[2] - t[3]) / 10**9 for t in found]).max(initial=0) <= 1
        assert list(ended.exit_reason) == [t[4] for t in found]
        if held:
            [left] = theirs[theirs.left_ns == 0].itertuples()
            profit = (cash + held * round(marks[symbols[symbol]] * 1e9) - fees) / 10**9
            assert abs(left.profit_e9 - profit) <= 1 and left.entry_ns == entry and left.exit_reason == "open"
        count += len(found) + (held != 0)
    assert count == len(trades) > 10
    summary = run_json(run)
    attribution = summary["attribution"]
    profit = summary["portfolio"]["end_equity"] - summary["portfolio"]["start_equity"]
    assert attribution["profit"] == pytest.approx(profit, abs=1e-6)
    assert attribution["unattributed"] == pytest.approx(0, abs=1e-6)
    for rows in ("strategies", "models", "symbols", "reasons", "hours"):
        assert sum(row["profit"] for row in attribution[rows]) == pytest.approx(profit, abs=1e-6), rows
    by_reason = trades.groupby("exit_reason").profit_e9.sum() / E9
    assert {r["reason"]: r["profit"] for r in attribution["reasons"]} == pytest.approx(dict(by_reason), abs=1e-6)


# ---- execution quality ---------------------------------------------------------------------------

@pytest.fixture(scope="module")
def mids(run):
    """symbol_id: (times, mids) of the tape's two-sided quotes, in 1e-9."""
    lines = ats("capture", "cat", run / "tape" / "chain.cap", "--jsonl", "--kind", "quote").stdout.splitlines()
    quotes = pd.DataFrame([(q["symbol"], q["recv_ns"], q["bid_e9"], q["ask_e9"]) for q in map(json.loads, lines)],
                          columns=["symbol", "recv_ns", "bid", "ask"])
    quotes = quotes[(quotes.bid > 0) & (quotes.ask >= quotes.bid)]
    ids = table(run, "SELECT symbol_id, symbol FROM symbols").set_index("symbol").symbol_id
    return {int(ids[s]): (q.recv_ns.to_numpy(), (q.bid + (q.ask - q.bid) // 2).to_numpy())
            for s, q in quotes.groupby("symbol")}


def mid_at(mids, symbol, ns):
    times, values = mids[symbol]
    return int(values[np.searchsorted(times, ns, side="right") - 1])


def test_parents(run, mids):
    intents = table(run, "SELECT * FROM intents WHERE parent_id > 0 AND action <> 'cancel' ORDER BY seq")
    orders = table(run, "SELECT * FROM orders WHERE parent_id > 0 AND action <> 'cancel' ORDER BY seq")
    answers = table(run, "SELECT * FROM executions ORDER BY seq")
    rows = table(run, "SELECT * FROM execution_quality WHERE order_id = 0").set_index("parent_id")
    assert set(rows.index) == set(orders.parent_id)
    fills = answers[answers.type == "fill"].merge(orders[["order_id", "parent_id", "bid_e9", "ask_e9"]], on="order_id",
                                                  suffixes=("", "_sent"))
    final = answers[answers.type.isin(["canceled", "rejected", "expired", "replaced"]) |
                    ((answers.type == "fill") & (answers.leaves_qty_e9 == 0))].merge(orders[["order_id", "parent_id"]])
    last_ns, last_intent = final.groupby("parent_id").recv_ns.max(), intents.groupby("parent_id").last()
    data_ends = max(times[-1] for times, _ in mids.values())
    for parent, own in intents[intents.parent_id.isin(rows.index)].groupby("parent_id"):
        first, row, mine = own.iloc[0], rows.loc[parent], fills[fills.parent_id == parent]
        s = S[first.side]
        decision = first.bid_e9 + (first.ask_e9 - first.bid_e9) // 2
        wanted, filled = first.qty_e9 + first.parent_left_e9, mine.last_qty_e9.sum()
        qty, px = mine.last_qty_e9 / E9, mine.last_px_e9 / E9
        arrival = (mine.bid_e9_sent + (mine.ask_e9_sent - mine.bid_e9_sent) // 2) / E9
        mid = (mine.bid_e9 + (mine.ask_e9 - mine.bid_e9) // 2) / E9
        assert (row.qty_e9, row.filled_e9, row.decision_e9, row.fills) == (wanted, filled, decision, len(mine))
        near = lambda money: pytest.approx(money * E9, abs=len(mine) + 2)
        assert row.decision_cost_e9 == near((s * (px - decision / E9) * qty).sum())
        assert row.arrival_cost_e9 == near((s * (px - arrival) * qty).sum())
        assert row.mid_cost_e9 == near((s * (px - mid) * qty).sum())
        assert row.fees_e9 == mine.fee_e9.sum()
        if filled < wanted and parent in last_ns.index:
            # The mid when it ended: of its last answer, or of a later intent that the gate refused.
            ended, asked = last_ns[parent], last_intent.loc[parent]
            end = (mid_at(mids, first.symbol_id, ended) if ended >= asked.recv_ns
                   else asked.bid_e9 + (asked.ask_e9 - asked.bid_e9) // 2)
            opportunity = s * (end - decision) / E9 * (wanted - filled) / E9
            assert row.opportunity_cost_e9 == near(opportunity)
            assert row.shortfall_e9 == near(row.decision_cost_e9 / E9 + opportunity + row.fees_e9 / E9)
        began = [at // 10**9 * 10**9 - 300 * 10**9 for at in mine.recv_ns]
        known = [i for i, at in enumerate(began) if at >= mids[first.symbol_id][0][0]]
        earlier = np.array([mid_at(mids, first.symbol_id, began[i]) for i in known]) / E9
        moved = s * (mid.to_numpy()[known] - earlier) * qty.to_numpy()[known]
        assert row.before_5m_e9 == near(moved.sum()), parent
        assert row.before_5m_value_e9 == near((earlier * qty.to_numpy()[known]).sum())
        for key, ns in HORIZONS.items():
            known = mine[mine.recv_ns + ns < data_ends]
            later = np.array([mid_at(mids, first.symbol_id, at + ns) for at in known.recv_ns]) / E9
            moved = (s * (later - mid[known.index].to_numpy()) * qty[known.index].to_numpy()).sum()
            assert row[f"{key}_e9"] == near(moved), (parent, key)
            assert row[f"{key}_value_e9"] == near((mid[known.index] * qty[known.index]).sum())


def test_sums_by_algorithm_and_liquidity(run, mids):
    execution, total = run_json(run)["execution"], run_json(run)["execution"]["total"]
    rows = table(run, "SELECT * FROM execution_quality WHERE order_id = 0 OR parent_id = 0")
    by = rows.groupby("algorithm")
    for algorithm in execution["algorithms"]:
        mine = by.get_group(algorithm["algorithm"])
        assert algorithm["decisions"] == len(mine) and algorithm["fills"] == mine.fills.sum()
        assert algorithm["shortfall"] == pytest.approx(mine.shortfall_e9.sum() / E9, abs=1e-6)
        wanted = (mine.decision_e9 * (mine.qty_e9 / E9)).sum()
        assert algorithm["fill_rate"] == pytest.approx((mine.decision_e9 * (mine.filled_e9 / E9)).sum() / wanted)
        assert algorithm["decision_bps"] == pytest.approx(1e4 * mine.decision_cost_e9.sum() / mine.decision_value_e9.sum())
    fills = table(run, "SELECT * FROM executions WHERE type = 'fill'")
    assert total["fills"] == len(fills) and total["value"] == pytest.approx(
        (fills.last_px_e9 / E9 * fills.last_qty_e9 / E9).sum())
    # Where the mid went, of fills that took and of fills that made.
    data_ends = max(times[-1] for times, _ in mids.values())
    for liquidity, name in ((1, "took"), (2, "made")):
        mine = fills[(fills.liquidity == liquidity) & (fills.recv_ns + 10**9 < data_ends)]
        mid = (mine.bid_e9 + (mine.ask_e9 - mine.bid_e9) // 2).to_numpy() / E9
        later = np.array([mid_at(mids, f.symbol_id, f.recv_ns + 10**9) for f in mine.itertuples()]) / E9
        qty, s = mine.last_qty_e9.to_numpy() / E9, mine.side.map(S).to_numpy()
        expected = 1e4 * (s * (later - mid) * qty).sum() / (mid * qty).sum() if len(mine) else None
        assert total["after"][f"{name}_1s_bps"] == (pytest.approx(expected, abs=1e-6) if len(mine) else None)


def test_excursions(run, mids):
    trades = table(run, "SELECT * FROM trades WHERE exit_ns IS NOT NULL")
    fills = table(run, "SELECT *, bid_e9 + (ask_e9 - bid_e9) / 2 AS mid FROM executions WHERE type = 'fill'")
    for t in trades.sample(min(len(trades), 200), random_state=1).itertuples():
        times, values = mids[t.symbol_id]
        moves = np.flatnonzero(np.diff(values, prepend=0))
        seen = values[moves][(times[moves] > t.entry_ns) & (times[moves] <= t.exit_ns)]
        own = fills[(fills.symbol_id == t.symbol_id) & (fills.recv_ns >= t.entry_ns) & (fills.recv_ns <= t.exit_ns)]
        before = own[own.recv_ns < t.exit_ns].mid  # the last fill has closed it
        assert t.low_e9 == min(seen.min(initial=2**62), own.last_px_e9.min(), before.min())
        assert t.high_e9 == max(seen.max(initial=0), own.last_px_e9.max(), before.max())


# ---- days ----------------------------------------------------------------------------------------

def test_days_against_quantstats(work):
    """Two strategies over decades of daily bars, with splits and dividends, that hold one symbol at once."""
    quantstats = pytest.importorskip("quantstats")
    files = data_file("wiki_daily", "WIKI-*.csv.zst")
    text = (ROOT / "configs" / "backtest.yaml").read_text()
    before, rest = text.split("strategies:\n", 1)
    strategies = """strategies:
  - {name: swing, plugin: swing_trend, capital: 60%, allow_short: true,
     parameters: {fast: 10, slow: 30, adx_min: 15, max_hold_bars: 15}}
  - {name: quick, plugin: swing_trend, symbols: AAPL MSFT, capital: 40%, allow_short: true,
     parameters: {fast: 5, slow: 15, adx_min: 12, max_hold_bars: 6, trail_atr: 2}}
"""
    text = before + strategies + "\nstrategy:\n" + rest.split("\nstrategy:\n", 1)[1]
    for key, value in {"conflicts": "same_side", "protect": "watch", "clock_interval": "0s"}.items():
        [line] = [line for line in text.splitlines() if line.strip().startswith(key + ":")]
        text = text.replace(line, line.split(":")[0] + f": {value}")
    (work / "daily.yaml").write_text(text)
    ats("import", "wiki-daily", *files, "-o", work / "daily.cap")
    run = work / "daily"
    ats("backtest", "-c", work / "daily.yaml", "--run-dir", run, work / "daily.cap")
    summary = run_json(run)
    start = summary["portfolio"]["start_equity"]
    days = table(run, "SELECT day, equity_e9 FROM days ORDER BY day")
    equity = pd.Series(days.equity_e9.to_numpy() / E9, index=pd.to_datetime(days.day))
    equity = equity.reindex(pd.bdate_range(equity.index[0], equity.index[-1])).ffill()
    returns = equity.pct_change()
    returns.iloc[0] = equity.iloc[0] / start - 1
    measured = summary["performance"]
    assert measured["days"] == len(returns) > 5000
    assert measured["sharpe"] == pytest.approx(quantstats.stats.sharpe(returns), rel=1e-6)
    assert measured["sortino"] == pytest.approx(quantstats.stats.sortino(returns), rel=1e-6)
    assert measured["volatility"] == pytest.approx(quantstats.stats.volatility(returns), rel=1e-6)
    assert measured["return"] == pytest.approx(quantstats.stats.comp(returns), rel=1e-6)
    # The run sees the account at each decision, quantstats at each day's end alone.
    daily = quantstats.stats.max_drawdown(returns)
    assert daily * 1.2 < measured["max_drawdown"] <= daily + 1e-9
    # Months on the page.
    months = quantstats.stats.monthly_returns(returns)
    page = (run / "report.html").read_text()
    assert "Rolling Sharpe ratio" in page and "Monthly returns" in page
    cells = {line.split("</td>", 1)[0]: line for line in page.split("<tr><td>") if line[:4].isdigit() and line[4] == "<"}
    checked = 0
    for year, row in months.iterrows():
        shown = [c.split(">", 1)[1] for c in cells[str(year)].split("</tr>")[0].split("</td>")[1:-1]]
        values = [float(v.replace("\u2212", "-")) if v else None for v in shown]
        for month, value in zip(row.to_numpy()[:12], values[:12]):
            if value is not None:
                assert value == pytest.approx(100 * month, abs=0.0051)
                checked += 1
    assert checked > 300
    attribution = summary["attribution"]
    assert attribution["unattributed"] == pytest.approx(0, abs=1e-6) and attribution["dividends"] != 0
    for rows in ("strategies", "models", "symbols", "reasons", "hours"):
        assert sum(r["profit"] for r in attribution[rows]) == pytest.approx(attribution["profit"], abs=1e-5), rows
    assert [m["model"] for m in attribution["models"]] == ["none"]
    execution = summary["execution"]
    assert len(execution["days"]) == 366 and execution["days_before"] > 1000, "run.json tells a year of days"
    assert len(attribution["strategies"]) == 2 and all(s["trades"] > 500 for s in attribution["strategies"])
