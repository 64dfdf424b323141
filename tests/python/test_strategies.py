"""The built-in strategies, trade for trade: what the program did against a walk over pandas and TA-Lib columns, written
from the words of the strategies' headers, of the desk's and of the simulated venue's. Money is whole numbers on both sides."""
import datetime as dt
import decimal
import io
import json
import math
import os
import re
import sqlite3
import subprocess
import zoneinfo
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import talib

from conftest import ROOT, ats, data_file

NEW_YORK = zoneinfo.ZoneInfo("America/New_York")
E9, SECOND = 10**9, 10**9

# ---- bars ---------------------------------------------------------------------------------------


def e9(text):
    return int((decimal.Decimal(text) * E9).to_integral_value(decimal.ROUND_HALF_UP))


def text_of(path):
    if path.suffix == ".zst":
        return subprocess.run(["zstd", "-dcq", path], capture_output=True, check=True).stdout.decode()
    return path.read_text()


def frame(rows):
    """Bars of one symbol: times in ns; prices and volume in 1e-9 and, beside, as floats; the split and the dividend of
    the morning before the bar."""
    bars = pd.DataFrame(rows, columns=["start", "end", "o", "h", "l", "c", "v", "split", "dividend"])
    for column in "ohlcv":
        bars[column.upper()] = bars[column].astype(float) / 1e9
    return bars


def minute_bars(path):
    """NinjaTrader's: the time is the end of the bar, in UTC. Only the regular session: the rest trades nothing."""
    rows = []
    for line in text_of(path).splitlines():
        at, o, h, l, c, v = line.split(";")
        end = dt.datetime.strptime(at, "%Y%m%d %H%M%S").replace(tzinfo=dt.timezone.utc)
        local = end.astimezone(NEW_YORK).time()
        if dt.time(9, 30) < local <= dt.time(16):
            ns = int(end.timestamp()) * SECOND
            rows.append((ns - 60 * SECOND, ns, e9(o), e9(h), e9(l), e9(c), e9(v), None, 0))
    return frame(rows)


def daily_bars(path, sessions):
    table = pd.read_csv(io.StringIO(text_of(path)), dtype=str).fillna("0").iloc[::-1]
    rows = []
    for r in table.to_dict("records"):
        if r["Date"] not in sessions:
            continue
        split = decimal.Decimal(r["Split Ratio"])
        rows.append((*sessions[r["Date"]], *(e9(r[k]) for k in ("Open", "High", "Low", "Close", "Volume")),
                     split.as_integer_ratio() if split != 1 else None, e9(r["Ex-Dividend"])))
    return frame(rows)


@pytest.fixture(scope="module")
def sessions():
    found = {}
    for year in range(1980, 2026):
        shown = json.loads(ats("calendar", "show", "--year", year, "--json").stdout)
        found.update({s["date"]: (s["open_ns"], s["close_ns"]) for s in shown["sessions"]})
    return found


# ---- what the headers of the strategies say -------------------------------------------------------

MEAN_REVERSION = dict(window=20, entry_z=2, exit_z=0.5, rsi_bars=14, rsi_low=35, atr_bars=14, stop_atr=1.5)
SWING_TREND = dict(fast=20, slow=50, adx_min=20, atr_bars=14, trail_atr=3, min_hold_bars=1, max_hold_bars=10)


def mean_reversion(b, p):
    """Columns side (1, -1, 0: enter), leave, atr, score."""
    day = pd.to_datetime(b.start).dt.tz_localize("UTC").dt.tz_convert(NEW_YORK).dt.date
    typical = (b.H + b.L + b.C) / 3
    vwap = (typical * b.V).groupby(day).cumsum() / b.V.groupby(day).cumsum()
    away = b.C - vwap
    width = (away**2).groupby(day).rolling(p["window"]).mean().reset_index(level=0, drop=True)**0.5
    z = (away / width).where(width > 0)
    rsi = talib.RSI(b.C.to_numpy(), p["rsi_bars"])
    atr = talib.ATR(b.H.to_numpy(), b.L.to_numpy(), b.C.to_numpy(), p["atr_bars"])
    ready = z.notna() & ~np.isnan(rsi) & ~np.isnan(atr)
    buy, sell = (z < -p["entry_z"]) & (rsi < p["rsi_low"]), (z > p["entry_z"]) & (rsi > 100 - p["rsi_low"])
    return pd.DataFrame(dict(side=np.where(ready & buy, 1, np.where(ready & sell, -1, 0)), score=z.abs(),
                             leave=ready & (z.abs() < p["exit_z"]), atr=atr, stop=atr * p["stop_atr"], trail=0.0))


def swing_trend(b, p):
    ratio = np.array([a / b if (a, b) != (1, 1) else 1.0 for a, b in (s or (1, 1) for s in b.split)])
    scale = np.cumprod(ratio)  # a price times it is in the unit of the first day
    # In units of 1e-9, where ties are ties: which of two equal moves is larger would be up to rounding.
    h, l, c = (b[k].to_numpy().astype(float) * scale for k in "hlc")
    fast, slow = talib.EMA(c, p["fast"]), talib.EMA(c, p["slow"])
    adx, atr = talib.ADX(h, l, c, 14), talib.ATR(h, l, c, p["atr_bars"]) / 1e9
    trend = adx > p["adx_min"]
    buy = trend & (fast > slow) & (l <= fast) & (c > fast)
    sell = trend & (fast < slow) & (h >= fast) & (c < fast)
    ready = ~(np.isnan(slow) | np.isnan(adx) | np.isnan(atr))
    return pd.DataFrame(dict(side=np.where(ready & buy, 1, np.where(ready & sell, -1, 0)), score=adx, atr=atr / scale,
                             up=fast > slow, down=fast < slow, stop=atr / scale * p["trail_atr"],
                             trail=atr / scale * p["trail_atr"]))


# ---- what the headers of the desk, the venue, sizing and exits say -----------------------------------

def tick(px):
    return 10**7 if px >= E9 else 10**5


def on_tick(px, up):
    off = px % tick(px)
    return px - off + (tick(px) if off and up else 0)


class Position:
    pass


class Walk:
    """One strategy, one account, several symbols; everything that happens at a bar's end, in the order of the file."""

    def __init__(self, bars, signals, rules):
        self.bars, self.signals, self.r = bars, signals, rules
        self.cash = rules["cash"] * E9 * E9
        self.price = dict.fromkeys(bars, 0)
        self.position = dict.fromkeys(bars)
        self.pending = dict.fromkeys(bars)
        self.rest_until = dict.fromkeys(bars, 0)
        self.trades = []

    def run(self):
        order = sorted((int(end), n, i, s) for n, s in enumerate(self.bars) for i, end in enumerate(self.bars[s].end))
        rows = {s: list(b.itertuples(index=False)) for s, b in self.bars.items()}
        columns = {s: list(x.itertuples(index=False)) for s, x in self.signals.items()}
        actions = sorted((int(b.start), n, i, s) for n, s in enumerate(self.bars)
                         for i, b in enumerate(rows[s]) if b.split or b.dividend)
        for end, _, i, s in order:
            while actions and actions[0][0] < end:  # midnight comes before any bar of its day
                _, _, j, t = actions.pop(0)
                self.action(t, rows[t][j])
            self.bar(s, rows[s][i], columns[s][i])
        for s, p in self.position.items():
            if p:
                self.trades.append((s, p.side, p.qty, p.entry_at, p.entry_px, p.entry_reason, None, None, None))
        return self

    def equity(self):
        return self.cash + sum(p.side * p.qty * self.price[s] for s, p in self.position.items() if p)

    def used(self):
        held = sum(p.qty * self.price[s] for s, p in self.position.items() if p)
        return held + sum(o["qty"] * self.price[s] for s, o in self.pending.items() if o and o["side"])

    # -- midnight --

    def action(self, s, b):
        p = self.position[s]
        if b.split:
            new, old = b.split
            self.price[s] = round(Fraction(self.price[s] * old, new))
            if p:
                whole = p.qty * new // old // E9 * E9
                self.cash += p.side * (p.qty * new // old - whole) * self.price[s]
                p.qty = whole
                for k in ("stop", "target", "trail", "best"):
                    setattr(p, k, getattr(p, k) * old // new)
                p.guard = None  # the venue cancels it; there is no price for a new one before the day's first
            if self.pending[s] and self.pending[s]["side"]:
                self.pending[s] = None
            elif self.pending[s]:
                self.pending[s]["late"] = True  # cancelled as well, and not passed again before the day's first price
        if b.dividend and p:
            self.cash += p.side * p.qty * b.dividend

    # -- fills --

    def slipped(self, px, buys):
        bps = self.r["slippage_bps"]
        return on_tick(px + (px * bps // 10000 if buys else -(px * bps // 10000)), buys) if bps else px

    def pay(self, side, qty, px):
        fee = round(Fraction(qty * self.r["fee_per_unit_e9"], E9))
        self.cash -= side * qty * px + fee * E9

    def open_position(self, s, o, b, px):
        p = self.position[s] = Position()
        p.side, p.qty, p.entry_px, p.entry_at, p.bars = o["side"], o["qty"], px, int(b.end), 0
        p.entry_reason = "entry_long" if p.side > 0 else "entry_short"
        p.stop, p.trail, p.best, p.trailed = px - p.side * o["stop"], o["trail"], px, False
        p.target = px + p.side * o["target"] if o["target"] else 0
        p.leaving, p.guard = None, None
        self.pay(p.side, p.qty, px)
        self.price[s] = px
        if self.r["protect"] != "watch":
            p.guard = self.guard_of(p)

    def close_position(self, s, b, px, reason):
        p = self.position[s]
        self.pay(-p.side, p.qty, px)
        self.trades.append((s, p.side, p.qty, p.entry_at, p.entry_px, p.entry_reason, int(b.end), px, reason))
        self.position[s] = None
        self.rest_until[s] = int(b.end) + self.r["cooldown_ns"]

    def guard_of(self, p):
        target = on_tick(p.target, p.side > 0) if p.target and self.r["protect"] == "bracket" else 0
        return dict(stop=on_tick(p.stop, p.side < 0), target=target,
                    reason="exit_trailing" if p.trailed and not target else "exit_stop")

    def guarded(self, s, b):
        """Stop before target; a stop at the open if that lies beyond it, and worse by the slippage; a target wants a
        trade through its price."""
        p, g = self.position[s], self.position[s].guard
        beyond = (lambda a, x: a <= x) if p.side > 0 else (lambda a, x: a >= x)
        worst, best = (b.l, b.h) if p.side > 0 else (b.h, b.l)
        if beyond(b.o, g["stop"]):
            self.close_position(s, b, self.slipped(b.o, p.side < 0), g["reason"])
        elif g["target"] and (b.o - g["target"]) * p.side > 0:
            self.close_position(s, b, b.o, "exit_target")
        elif beyond(worst, g["stop"]):
            self.close_position(s, b, self.slipped(g["stop"], p.side < 0), g["reason"])
        elif g["target"] and (best - g["target"]) * p.side > 0:
            self.close_position(s, b, g["target"], "exit_target")

    # -- a bar --

    def bar(self, s, b, x):
        o = self.pending[s]
        if o and o["side"] and o["auction"] and self.r["next_close"][o["at"]] != int(b.end):
            # A day without a bar: the order for its opening has expired, and its price is too old for another.
            o = self.pending[s] = None
        if o and o.pop("late", False):
            pass
        elif o:
            self.pending[s] = None
            buys = o["side"] > 0 if o["side"] else self.position[s].side < 0
            px = b.o if o["auction"] else self.slipped(b.o, buys)
            if o["side"]:
                self.open_position(s, o, b, px)
            else:
                self.close_position(s, b, px, o["reason"])
        elif self.position[s] and self.position[s].guard:
            self.guarded(s, b)
        self.price[s] = b.c
        if self.position[s]:
            self.mind(s, b)
        self.r["decide"](self, s, b, x)

    def mind(self, s, b):
        p, close = self.position[s], b.c
        if (close - p.best) * p.side > 0:
            p.best = close
        if p.trail and (p.best - p.side * p.trail - p.stop) * p.side > 0:
            p.stop, p.trailed = p.best - p.side * p.trail, True
        self.watch(s, b)
        if p.leaving or self.r["protect"] == "watch":
            return
        new = self.guard_of(p)
        if p.guard and abs(new["stop"] - p.guard["stop"]) >= max(tick(p.stop), p.trail // 10):
            if p.guard["target"]:  # a pair is not moved: it goes, is watched for, and comes anew
                p.guard = None
                self.watch(s, b)
            p.guard = None
        if not p.guard and not p.leaving:
            p.guard = new

    def watch(self, s, b):
        """What rests at the broker is the broker's affair; the close decides on the rest."""
        p = self.position[s]
        if not p.guard and (b.c - p.stop) * p.side <= 0:
            self.leave(s, b, "exit_trailing" if p.trailed else "exit_stop")
        elif p.target and not (p.guard and p.guard["target"]) and (b.c - p.target) * p.side >= 0:
            self.leave(s, b, "exit_target")
        elif self.session_over(b):
            self.leave(s, b, "exit_session")

    def session_over(self, b):
        flat = self.r["flat_before_close_ns"]
        return flat and not self.r.get("overnight") and self.until_close(b) <= flat

    def until_close(self, b):
        if self.r.get("overnight"):
            return 0  # a daily bar ends with its session, at whatever hour that was
        at = dt.datetime.fromtimestamp(int(b.end) // SECOND, NEW_YORK)
        close = at.replace(hour=16, minute=0, second=0)
        return int((close - at).total_seconds()) * SECOND

    def leave(self, s, b, reason):
        p = self.position[s]
        if p.leaving:
            return
        p.leaving, p.guard = reason, None
        self.pending[s] = dict(side=0, reason=reason, auction=self.until_close(b) <= 0, qty=0)

    def enter(self, s, b, x):
        if int(b.end) < self.rest_until[s] or (x.side < 0 and not self.r["short"]):
            return
        left = self.until_close(b)
        if left <= 0 and not self.r.get("overnight"):
            return
        if left > 0 and (left <= self.r["avoid_close_ns"] or 390 * 60 * SECOND - left < self.r["avoid_open_ns"]):
            return
        stop, trail = math.floor(x.stop * 1e9), math.floor(x.trail * 1e9)
        # Distances as configured, of the strategy's range: stop clamped, the target a multiple of that stop.
        base = math.floor(x.atr * 1e9) * 2
        base = min(max(base, b.c * self.r["min_stop_bps"] // 10000), b.c * self.r["max_stop_bps"] // 10000)
        target = base * self.r["target_multiple"]
        equity, price = self.equity(), self.price[s]
        if self.r["notional"]:
            notional = Fraction(self.r["notional"] * E9 * E9)
        else:
            notional = Fraction(equity) * self.r["risk_bps"] / 10000 / stop * price
        notional = min(notional, self.r["max_notional"] * E9 * E9, equity - self.used())
        qty = int(notional / price) // E9 * E9
        if qty > 0 and qty * price >= self.r["min_notional"] * E9 * E9:
            self.pending[s] = dict(side=x.side, qty=qty, stop=stop, trail=trail, target=target, auction=left <= 0,
                                   at=int(b.end))


def decide_mean_reversion(w, s, b, x):
    p = w.position[s]
    if not p and not w.pending[s] and x.side:
        w.enter(s, b, x)
    elif p and not p.leaving and x.leave:
        w.leave(s, b, "exit_rule")


def swing_trend_decisions(parameters):
    def decide(w, s, b, x):
        p = w.position[s]
        if not p:
            if not w.pending[s] and x.side:
                w.enter(s, b, x)
            return
        p.bars += 1
        crossed = x.down if p.side > 0 else x.up
        if p.bars >= parameters["max_hold_bars"] or (crossed and p.bars >= parameters["min_hold_bars"]):
            w.leave(s, b, "exit_rule")
    return decide


# ---- the program ------------------------------------------------------------------------------------

RISK = """
  account_type: margin
  collar_bps: 5000
  max_drift_bps: 10000
  drift_window: 24h
  max_data_age: 1h
  min_order_qty: 0
  max_order_qty: 1000000000
  min_order_notional: 0
  max_order_notional: 1000000000
  max_volume_share: 0%
  duplicate_window: 0s
  max_repeats: 65535
  repeat_window: 8ms
  max_orders_per_s: 100000
  max_strategy_orders_per_s: 100000
  max_symbol_orders_per_s: 100000
  order_burst: 100000
  max_position: 1000%
  max_gross: 1000%
  max_net: 1000%
  max_short: 100%
  max_sector: 1000%
  max_positions: 65536
  buying_power: 1000%
  maintenance_long: 0%
  maintenance_short: 0%
  pattern_day_trades: 1000000
  pattern_day_equity: 0
  max_risk_per_trade: 100%
  max_portfolio_risk: 100%
  max_correlation: 100%
  max_drawdown: 100%
  safe_drawdown: 0%
  max_loss_streak: 1000000
  max_day_trades: 100000000
"""


def configuration(strategy, parameters, rules, latency="0s"):
    lines = "\n".join(f"      {k}: {v}" for k, v in parameters.items())
    return f"""
account:
  start_cash: {rules['cash']}
feed:
  clock_interval: {rules['clock']}
strategies:
  - name: built_in
    plugin: {strategy}
    symbols: all
    capital: 100%
    allow_short: {str(rules['short']).lower()}
    parameters:
{lines}
strategy:
  protect: {rules['protect']}
  cooldown: {rules['cooldown_ns'] // 10**6}ms
  avoid_open: {rules['avoid_open_ns'] // SECOND}s
  avoid_close: {rules['avoid_close_ns'] // SECOND}s
  flat_before_close: {rules['flat_before_close_ns'] // SECOND}s
sizing:
  notional: {rules['notional']}
  risk_per_trade: {rules['risk_bps'] / 100}%
  min_notional: {rules['min_notional']}
  max_notional: {rules['max_notional']}
exits:
  low_ratio: 0
  high_ratio: 100
  min_stop_bps: {rules['min_stop_bps']}
  max_stop_bps: {rules['max_stop_bps']}
  target_multiple: {rules['target_multiple']}
risk:{RISK}
venue:
  out_latency: {latency}
  out_jitter: 0s
  back_latency: {latency}
  back_jitter: 0s
  fee_per_unit: {rules['fee_per_unit_e9'] / 1e9}
  bar_share: 0%
  bar_slippage_bps: {rules['slippage_bps']}
run:
  tape: reference
  threads: fused
"""


RULES = dict(cash=100000, clock="1h", short=True, protect="watch", cooldown_ns=500 * 10**6, avoid_open_ns=120 * SECOND,
             avoid_close_ns=300 * SECOND, flat_before_close_ns=900 * SECOND, notional=20000, risk_bps=40, min_notional=1000,
             max_notional=30000, min_stop_bps=50, max_stop_bps=300, target_multiple=0, fee_per_unit_e9=5000000,
             slippage_bps=2)


def trades_of(run):
    """[(symbol, side, quantity entered, entry's time, price and reason, exit's time, price and reason)], and equity."""
    store = sqlite3.connect(run / "store.db")
    rows = store.execute("SELECT s.symbol, e.recv_ns, e.side, e.last_qty_e9, e.last_px_e9, e.reason FROM executions e"
                         " JOIN symbols s USING (run, symbol_id) WHERE e.type = 'fill' ORDER BY e.seq").fetchall()
    trades, held = [], {}
    for symbol, at, side, qty, px, reason in rows:
        if reason.startswith("entry"):
            assert symbol not in held, "one entry at a time, and whole"
            held[symbol] = (symbol, 1 if side == "buy" else -1, qty, at, px, reason)
        else:
            entry = held.pop(symbol)
            trades.append((*entry[:2], qty, *entry[3:], at, px, reason))
    for symbol, entry in held.items():
        trades.append((*entry, None, None, None))
    [(equity,)] = store.execute("SELECT end_equity_e9 FROM runs").fetchall()
    return trades, equity


def key(trade):
    return trade[3], trade[0]


def compare(work, strategy, columns, decide, parameters, rules, bars, capture, latency):
    config = work / "run.yaml"
    config.write_text(configuration(strategy, parameters, rules, latency))
    ats("backtest", "-q", "-c", config, "--run-dir", work / "run", capture)
    have, equity = trades_of(work / "run")
    walk = Walk(bars, {s: columns(b, parameters) for s, b in bars.items()}, {**rules, "decide": decide}).run()
    have, want = sorted(have, key=key), sorted(walk.trades, key=key)
    for n, (a, b) in enumerate(zip(have, want)):
        assert a == b, f"trade {n} of {len(want)}:\n{a}\n{b}"
    assert len(have) == len(want)
    assert equity == round(Fraction(walk.equity(), E9)), "the last cent, and nine digits more"
    assert len(want) >= 10
    assert len({t[8] for t in want}) >= 2, "more than one way out"


# ---- the data: recorded, and made up here so that the comparison runs anywhere ---------------------------


def made_up_prices(rng, count, sigma):
    """Open, high, low, close in cents of a walk that comes back now and then, and gaps at some opens."""
    close = 10000 * np.exp(np.cumsum(rng.normal(0, sigma, count) + 0.5 * sigma * np.sin(np.arange(count) / 23)))
    start = np.concatenate([[10000], close[:-1]]) * np.exp(rng.normal(0, sigma, count) * (rng.random(count) < 0.2))
    high = np.maximum(start, close) * (1 + np.abs(rng.normal(0, sigma / 2, count)))
    low = np.minimum(start, close) * (1 - np.abs(rng.normal(0, sigma / 2, count)))
    return [np.rint(x).astype(int) for x in (start, high, low, close)]


def cents(x):
    return f"{x // 100}.{x % 100:02}"


def write_minutes(path, sessions):
    rng, days = np.random.default_rng(5), [d for d in sorted(sessions) if "2024-03-04" <= d <= "2024-03-22"]
    prices, n, lines = made_up_prices(rng, 450 * len(days), 0.0006), 0, []
    for day in days:
        start, _ = sessions[day]
        for minute in range(-30, 420):  # some of it before the open and after the close
            end = dt.datetime.fromtimestamp(start // SECOND + 60 * (minute + 1), dt.timezone.utc)
            o, h, l, c = (cents(p[n]) for p in prices)
            lines.append(f"{end:%Y%m%d %H%M%S};{o};{h};{l};{c};{rng.integers(100, 90000)}")
            n += 1
    path.write_text("\n".join(lines) + "\n")


def write_days(path, sessions, seed):
    """Five years with splits, dividends, and days without a bar."""
    rng, days = np.random.default_rng(seed), [d for d in sorted(sessions) if "2012" <= d < "2017"]
    prices, scale = made_up_prices(rng, len(days), 0.02), Fraction(1)
    splits = dict(zip(rng.choice(len(days), 6, replace=False), [(2, 1), (3, 2), (1, 2), (2, 1), (3, 2), (1, 4)]))
    lines = ["Date,Open,High,Low,Close,Volume,Ex-Dividend,Split Ratio"]
    for n, day in enumerate(days):
        new, old = splits.get(n, (1, 1))
        if rng.random() < 0.01 and n not in splits:
            continue
        scale = scale * old / new
        o, h, l, c = (cents(max(1, round(p[n] * scale))) for p in prices)
        lines.append(f"{day},{o},{h},{l},{c},{rng.integers(10**5, 10**7)},{0.25 if n % 63 == 40 else 0},{new / old}")
    path.write_text("\n".join(lines[:1] + lines[:0:-1]) + "\n")


def minutes_of(folder, path):
    ats("import", "ninjatrader", path, "-o", folder / "minutes.cap", "-q", "--symbol", "SPY")
    return {"SPY": minute_bars(path)}, folder / "minutes.cap"


def days_of(folder, paths, sessions):
    ats("import", "wiki-daily", *paths, "-o", folder / "days.cap", "-q")
    return {re.search(r"WIKI-(\w+)", p.name)[1]: daily_bars(p, sessions) for p in paths}, folder / "days.cap"


@pytest.fixture(scope="module", params=["recorded", "made_up"])
def minutes(request, tmp_path_factory, sessions):
    folder = tmp_path_factory.mktemp("minutes")
    if request.param == "recorded":
        return minutes_of(folder, data_file("pyalgotrade_spy_minute", "nt-spy-minute-2011.csv.zst")[0])
    write_minutes(folder / "minutes.csv", sessions)
    return minutes_of(folder, folder / "minutes.csv")


@pytest.fixture(scope="module", params=["recorded", "made_up"])
def days(request, tmp_path_factory, sessions):
    folder, symbols = tmp_path_factory.mktemp("days"), ("AAPL", "MSFT", "GOOGL")
    if request.param == "recorded":
        return days_of(folder, [data_file("wiki_daily", f"WIKI-{s}.csv.zst")[0] for s in symbols], sessions)
    for seed, symbol in enumerate(symbols):
        write_days(folder / f"WIKI-{symbol}.csv", sessions, seed)
    return days_of(folder, [folder / f"WIKI-{s}.csv" for s in symbols], sessions)


# Positions of days are meant for the night; what is configured for the end of the day is not for them.
@pytest.fixture(scope="module")
def daily(sessions):
    closes = sorted(close for _, close in sessions.values())
    return {**RULES, "cooldown_ns": 0, "slippage_bps": 5, "overnight": True, "next_close": dict(zip(closes, closes[1:]))}


REVERSIONS = [
    ("watch", {}, "0s"),
    ("stop", dict(protect="stop"), "0s"),
    ("bracket", dict(protect="bracket", target_multiple=1, min_stop_bps=5), "0s"),
    ("risk", dict(protect="stop", notional=0, max_notional=100000), "0s"),
    ("latency", dict(protect="stop"), "20ms"),  # latency does not make an order miss the open
]


@pytest.mark.parametrize("name,changes,latency", REVERSIONS, ids=[r[0] for r in REVERSIONS])
def test_mean_reversion_trade_for_trade(tmp_path, minutes, name, changes, latency):
    compare(tmp_path, "mean_reversion", mean_reversion, decide_mean_reversion, MEAN_REVERSION,
            {**RULES, "clock": "1s", **changes}, *minutes, latency)


SWINGS = [
    ("watch", {}, {}, "0s"),
    ("stop", dict(protect="stop"), {}, "0s"),
    ("risk", dict(protect="stop", notional=0, max_notional=100000), {}, "0s"),
    ("bracket", dict(protect="bracket", target_multiple=2, cooldown_ns=500 * 10**6), {}, "0s"),
    ("long-holds", dict(short=False, protect="stop"), dict(max_hold_bars=1000, trail_atr=8, adx_min=15), "20ms"),
]


@pytest.mark.parametrize("name,changes,other,latency", SWINGS, ids=[s[0] for s in SWINGS])
def test_swing_trend_trade_for_trade(tmp_path, days, daily, name, changes, other, latency):
    parameters = {**SWING_TREND, **other}
    compare(tmp_path, "swing_trend", swing_trend, swing_trend_decisions(parameters), parameters, {**daily, **changes},
            *days, latency)


# ---- confluence -------------------------------------------------------------------------------------

CONFLUENCE = dict(entry=0.35, exit=0, w_trend=1, w_momentum=1, w_reversion=0.5, w_volume=0.5, w_pattern=0.5, w_model=0,
                  least_share=0.5, adapt=1, stop_atr=2, peak_sensitivity=0.7, max_hold_bars=0, overnight=0)


def pattern_column(o, h, l, c):
    """There or not as TA-Lib says, how clear as calc/indicators/candle.h says."""
    top, bottom, body = np.maximum(o, c), np.minimum(o, c), np.abs(c - o)
    before = np.concatenate([[np.nan], body[:-1]])
    with np.errstate(invalid="ignore", divide="ignore"):
        contrast = 1 - np.minimum(body, before) / np.maximum(body, before)
        clear = [(talib.CDLHAMMER, 2 * (bottom - l) / (h - l) - 1), (talib.CDLSHOOTINGSTAR, 2 * (h - top) / (h - l) - 1),
                 (talib.CDLENGULFING, contrast), (talib.CDLHARAMI, contrast)]
        found = [np.sign(f(o, h, l, c)) * (0.5 + 0.5 * np.where(x > 0, x, 0)) for f, x in clear]
    best = found[0]
    for f in found[1:]:
        best = np.where(np.abs(f) > np.abs(best), f, best)
    return np.where(np.arange(len(o)) >= 11, best, 0)


def confluence(b, p):
    ratio = np.array([a / b if (a, b) != (1, 1) else 1.0 for a, b in (s or (1, 1) for s in b.split)])
    scale = np.cumprod(ratio)
    o, h, l, c = (b[k].to_numpy() * scale for k in "OHLC")
    v = b.V.to_numpy() / scale
    close, volume = pd.Series(c), pd.Series(v)
    atr, rsi = talib.ATR(h, l, c, 14), talib.RSI(c, 14)
    deviation = close.rolling(20).std(ddof=0)
    balance = pd.Series(np.concatenate([[0], np.sign(np.diff(c)) * v[1:]])).rolling(20).sum()
    pattern = pattern_column(o, h, l, c)
    late = np.arange(len(c)) >= 20
    views = np.stack([(talib.EMA(c, 20) - talib.EMA(c, 50)) / atr / 2, (rsi - 50) / 50,
                      np.where(late, -(close - close.rolling(20).mean()) / deviation / 2, np.nan),
                      np.where(late, balance / volume.rolling(20).sum(), np.nan),
                      np.where(pattern != 0, pattern, np.nan), np.full(len(c), np.nan)], axis=1)
    views = np.clip(views, -1, 1)
    r = np.log(close / close.shift())
    s = {n: r.rolling(n).std() for n in (20, 50, 100)}
    calm, t = s[20] / s[100], r.rolling(50).mean() / (s[50] / 50**0.5)
    weights = np.tile([p[k] for k in ("w_trend", "w_momentum", "w_reversion", "w_volume", "w_pattern", "w_model")], (len(c), 1))
    known, flat, wild = calm.notna().to_numpy(), (t.abs() <= 1).to_numpy(), (calm > 1.5).to_numpy()
    if p["adapt"]:
        for term, in_trend, in_flat in ((0, 1.5, 0.5), (1, 1.25, 1), (2, 0.5, 1.5)):
            weights[known, term] *= np.where(flat, in_flat, in_trend)[known]
        weights[known & wild, 4] *= 0.5
    ready = np.where(np.isnan(views), 0, weights)
    share = ready.sum(axis=1) / weights.sum(axis=1)
    with np.errstate(invalid="ignore"):
        score = np.where(share >= p["least_share"], np.nansum(ready * views, axis=1) / ready.sum(axis=1), np.nan)
    score[:49] = np.nan  # a timeframe is chosen once its slow average is there
    side = np.where(score >= p["entry"], 1, np.where(score <= -p["entry"], -1, 0))
    marks = {}
    for way in (1, -1):
        tired = thin = 0
        for n in (5, 10, 20):
            roc = close / close.shift(n) - 1
            total = volume.rolling(n).sum()
            tired = tired + ((way * roc > 0) & (way * roc < way * roc.shift()))
            thin = thin + ((way * roc > 0) & (total < total.shift(n)))
        momentum = 0.5 * np.clip(way * (rsi - 50) / 20, 0, 1) + 0.5 * tired / 3
        marks[way] = (0.4 * momentum + 0.3 * thin / 3 + 0.3 * np.maximum(0, -way * pattern)).where(np.arange(len(c)) >= 40)
    return pd.DataFrame(dict(side=side, score=score, top=marks[1], bottom=marks[-1], atr=atr / scale, scale=scale,
                             stop=atr / scale * p["stop_atr"], trail=0.0, close=c, trailing=0.0))


def confluence_decisions(p):
    def decide(w, s, b, x):
        position = w.position[s]
        if not position:
            if not w.pending[s] and x.side:
                w.enter(s, b, x)
            return
        position.bars += 1
        if position.bars == 1:
            position.scaled = position.entry_px / 1e9 * x.scale
        if math.isnan(x.score):
            return
        gains = (x.close - position.scaled) * position.side > 0
        if x.score * position.side < p["exit"]:
            w.leave(s, b, "exit_rule")
        elif p["peak_sensitivity"] and gains and (x.top if position.side > 0 else x.bottom) >= 1 - p["peak_sensitivity"]:
            w.leave(s, b, "exit_rule")
        elif p["max_hold_bars"] and position.bars >= p["max_hold_bars"]:
            w.leave(s, b, "exit_rule")
    return decide


@pytest.mark.parametrize("other", [{}, dict(adapt=0, peak_sensitivity=0), dict(max_hold_bars=15, peak_sensitivity=0.5)],
                         ids=["plain", "fixed-weights", "held"])
def test_confluence_trade_for_trade(tmp_path, minutes, other):
    p = {**CONFLUENCE, **other}
    compare(tmp_path, "confluence", lambda b, q: confluence(b, p), confluence_decisions(p), {**p, "timeframe_s": 60},
            {**RULES, "clock": "1s", "protect": "stop"}, *minutes, "0s")


def test_confluence_on_days_trade_for_trade(tmp_path, days, daily):
    p = {**CONFLUENCE, "overnight": 1, "max_hold_bars": 20}
    compare(tmp_path, "confluence", lambda b, q: confluence(b, p), confluence_decisions(p), {**p, "timeframe_s": 86400},
            daily, *days, "0s")


def run_confluence(folder, capture, name, **other):
    parameters = {**CONFLUENCE, "peak_sensitivity": 0, **other}
    (folder / f"{name}.yaml").write_text(configuration("confluence", parameters, {**RULES, "clock": "1s"}))
    ats("backtest", "-q", "-c", folder / f"{name}.yaml", "--run-dir", folder / name, capture)
    return trades_of(folder / name)[0]


def test_confluence_chooses_among_timeframes(tmp_path, minutes):
    _, capture = minutes
    alone = {t: run_confluence(tmp_path, capture, f"alone-{t}", timeframe_s=t) for t in (60, 300)}
    both = run_confluence(tmp_path, capture, "both", timeframe_s=60, timeframe_2_s=300)
    entries = {t: {x[3] for x in trades} for t, trades in alone.items()}
    assert entries[60] and entries[300]
    on_fives = sum(x[3] in entries[300] - entries[60] for x in both)
    on_ones = sum(x[3] in entries[60] - entries[300] for x in both)
    assert on_fives and on_ones, "now the one, now the other"
    stubborn = run_confluence(tmp_path, capture, "stubborn", timeframe_s=60, timeframe_2_s=300, stay=1)
    assert [x[3] for x in stubborn if x[3] not in entries[60]] == [], "what is better by no more than `stay` is not taken"


def test_confluence_learns_how_long_to_hold(tmp_path, minutes):
    _, capture = minutes
    free = run_confluence(tmp_path, capture, "free", timeframe_s=60, exit=-0.9)
    best = run_confluence(tmp_path, capture, "best", timeframe_s=60, exit=-0.9, optimise_hold=1)

    def bars(trades):
        return [(x[6] - x[3]) // (60 * SECOND) for x in trades if x[8] == "exit_rule"]

    assert best != free and best[:8] == free[:8], "eight entries are watched first"
    assert max(bars(best)[10:]) <= 64 + 2, "a bar to decide on, a bar to leave in"


def test_confluence_says_why(tmp_path, minutes):
    _, capture = minutes
    first = run_confluence(tmp_path, capture, "why", timeframe_s=60)[0]
    at = dt.datetime.fromtimestamp(first[3] // SECOND - 60, dt.timezone.utc)
    told = json.loads(ats("why", tmp_path / "why", "SPY", f"{at:%Y-%m-%dT%H:%M:%SZ}", "--json").stdout)
    values = {line["text"].split()[0]: float(line["text"].split()[1]) for line in told["lines"]
              if re.match(r"[a-z]+ +-?[0-9.e-]+$", line["text"])}
    terms = ("trend", "momentum", "reversion", "volume", "pattern", "model")
    assert abs(sum(values[t] for t in terms) - values["confluence"]) < 1e-6, "contributions add up to the score"
    assert 0 <= values["regime"] <= 9


@pytest.mark.parametrize("parameters,why", [
    (dict(timeframe_s=60, timeframe_2_s=60), "must differ"), (dict(entry=0.2, exit=0.2), "exit must be below parameters.entry"),
    ({k: 0 for k in CONFLUENCE if k.startswith("w_")}, "one of the weights"), (dict(entry=1.5), "out of range")])
def test_confluence_refuses_what_makes_no_sense(tmp_path, parameters, why):
    (tmp_path / "bad.yaml").write_text(configuration("confluence", {**CONFLUENCE, **parameters}, RULES))
    ats("synth", "-q", "-o", tmp_path / "day.cap", "--duration", "1s", "--symbols", 1)
    done = ats("backtest", "-q", "-c", tmp_path / "bad.yaml", "--run-dir", tmp_path / "run", tmp_path / "day.cap", check=False)
    assert done.returncode == 3 and why in done.stderr


# ---- the documentation ------------------------------------------------------------------------------

def test_documented_parameters_are_those_of_the_program():
    driver = os.environ.get("STRATEGY_PARAMETERS", "build/release/tests/strategy_parameters")
    want = {}
    for line in subprocess.run([driver], capture_output=True, text=True, check=True).stdout.splitlines():
        plugin, name, fallback, least, most, help_ = line.split("\t")
        number = [f"{float(x):.12g}" for x in (fallback, least, most)]
        want.setdefault(plugin, []).append(f"| `{name}` | {number[0]} | {number[1]} to {number[2]} | {help_} |")
    have, plugin = {}, None
    for line in (ROOT / "docs/strategies.md").read_text().splitlines():
        if line.startswith("## "):
            plugin = line[3:]
        elif line.startswith("| `"):
            have.setdefault(plugin, []).append(line)
    assert len(want) == 4 and have == want
