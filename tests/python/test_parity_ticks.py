"""Features of quotes and trades, and of bars built from trades, against the same definitions computed the slow way:
whole histories in plain Python, window by window. The market is made up: one-sided and locked books, trades at and
inside the quotes, silences, a print as large as all before, a split half-way."""
import math

import numpy as np
import pytest

from features import ACTION, QUOTE, TRADE, assert_equal, record, values

BPS = 1e4
DAY = 86400
START = 1_600_041_600 // DAY * DAY + 23 * 3600  # the last hour of a UTC day, so that a session ends


def market(seed, split=True, minutes=75):
    """[(kind, ns, fields...)] of the symbol, and of its index."""
    random = np.random.default_rng(seed)
    ns, mid, scale = START * 10**9, 100.0, 1.0
    records, index = [], []
    level = 50.0
    for step in range(minutes * 40):
        ns += int(random.exponential(1.5e9)) + 1000
        if step % 700 == 600:
            ns += 70 * 10**9  # a silence of more than a minute
        if split and step == minutes * 20:
            records.append((ACTION, ns - 500, 1, 4, 1))
            scale = 4.0
        shock = random.normal(0, 0.0002)
        mid *= math.exp(shock)
        level *= math.exp(shock * 0.7 + random.normal(0, 0.0001))
        index.append((TRADE, ns - 300, round(level, 4), 10, 0))
        half = random.choice([0.0, 0.005, 0.01, 0.02])
        bid, ask = round((mid - half) / scale, 4), round((mid + half) / scale, 4)
        bid_size, ask_size = random.integers(0, 9, 2) * 100 * scale
        side = random.random()
        if side < 0.03:
            bid = bid_size = 0
        elif side < 0.06:
            ask = ask_size = 0
        if random.random() < 0.6:
            records.append((QUOTE, ns, bid, bid_size, ask, ask_size))
        else:
            px = random.choice([x for x in (bid, ask, (bid + ask) / 2) if x > 0])
            size = float(random.integers(1, 30) * 10) * scale
            if step == 900:
                size *= 4000
            records.append((TRADE, ns, round(px, 6), size, random.choice([0, 0, 0, 1, 2])))
    return records, index


class Slow:
    """What the features say they are, from lists of everything that happened."""

    def __init__(self):
        self.t, self.quotes, self.trades, self.minutes = [], [], [], {}
        self.scale, self.two_sided, self.last_tick = 1.0, False, 0
        self.bid = self.ask = self.bs = self.asz = self.mid = 0.0
        self.flows, self.returns, self.settled = [], [], []
        self.pending, self.last_pending = [], -10**18
        self.by_second = {}
        self.session = None
        self.previous_close = self.previous_volume = None

    @staticmethod
    def ema(xs, n):
        if not xs:
            return None
        value = xs[0]
        for x in xs[1:]:
            value += 2 / (n + 1) * (x - value)
        return value

    def pass_to(self, ns):
        day = ns // (DAY * 10**9)
        if self.session and self.session["day"] != day:
            if self.session["prices"]:
                self.previous_close = self.session["prices"][-1]
                self.previous_volume = sum(v for _, v in self.session["prints"])
            self.session = None
        if not self.session:
            self.session = {"day": day, "prices": [], "prints": []}
        while self.pending and ns - self.pending[0][0] >= 5 * 10**9 and self.quotes:
            _, px, mid, sign = self.pending.pop(0)
            self.settled.append((2 * sign * (px - self.mid) / mid, 2 * sign * (self.mid - mid) / mid))

    def second(self, ns):
        return self.by_second.setdefault(ns // 10**9, {"mid": None, "quotes": 0, "trades": 0, "volume": 0.0, "signed": 0.0})

    def quote(self, ns, bid, bs, ask, asz):
        self.pass_to(ns)
        bid, ask, bs, asz = bid * self.scale, ask * self.scale, bs / self.scale, asz / self.scale
        two = bid > 0 and ask > 0
        if two:
            mid = (bid + ask) / 2
            if self.two_sided:
                self.flows.append((bs if bid >= self.bid else 0) - (self.bs if bid <= self.bid else 0)
                                  - (asz if ask <= self.ask else 0) + (self.asz if ask >= self.ask else 0))
            if self.quotes and mid != self.mid:
                self.returns.append((mid / self.mid - 1) ** 2)
            imbalance = (bs - asz) / (bs + asz) if bs + asz > 0 else 0.0
            self.quotes.append((mid, ask - bid, imbalance))
            self.mid = mid
            cell = self.second(ns)
            cell["mid"], cell["quotes"] = mid, cell["quotes"] + 1
        self.bid, self.ask, self.bs, self.asz, self.two_sided = bid, ask, bs, asz, two

    def trade(self, ns, px, size, told):
        self.pass_to(ns)
        px, size = px * self.scale, size / self.scale
        last = self.trades[-1]["px"] if self.trades else None
        tick = 0 if last is None else int(px > last) - int(px < last)
        if told:
            sign = 1 if told == 1 else -1
        elif self.two_sided and px != self.mid:
            sign = 1 if px > self.mid else -1
        else:
            sign = tick if tick else self.last_tick
        self.last_tick = tick if tick else self.last_tick
        self.trades.append({"ns": ns, "px": px, "size": size, "sign": sign, "tick": tick,
                            "mid": self.mid if self.two_sided else None})
        if self.two_sided and sign and ns - self.last_pending >= 5 * 10**9 // 64 and len(self.pending) < 64:
            self.pending.append((ns, px, self.mid, sign))
            self.last_pending = ns
        if self.quotes:
            cell = self.second(ns)
            cell["trades"] += 1
            cell["volume"] += size
            cell["signed"] += sign * size
        self.session["prices"].append(px)
        self.session["prints"].append((px, size))
        self.minutes.setdefault(ns // (60 * 10**9), []).append((px, size, sign))

    def vpin(self):
        """Buckets of 50 mean trades, the size chosen when a bucket begins."""
        sizes, fractions, bought, sold, bucket = [], [], 0.0, 0.0, None
        for t in self.trades:
            sizes.append(t["size"])
            mean = self.ema_so_far(sizes)
            if bucket is None:
                bucket = 50 * mean
            left = min(t["size"], 51 * bucket)
            while left > 0:
                part = min(left, bucket - bought - sold)
                room = bucket - bought - sold
                bought += part * (0.5 + 0.5 * t["sign"])
                sold += part * (0.5 - 0.5 * t["sign"])
                left -= part
                if part < room:
                    break
                fractions.append(abs(bought - sold) / bucket)
                bought = sold = 0.0
                bucket = 50 * mean
        return sum(fractions[-50:]) / 50 if len(fractions) >= 50 else math.nan

    def ema_so_far(self, sizes):
        if len(sizes) == 1:
            self._mean = sizes[0]
        else:
            self._mean += 2 / 51 * (sizes[-1] - self._mean)
        return self._mean

    def values(self, ns):
        nan = math.nan
        out = {}
        q, n = self.quotes, len(self.quotes)
        live = self.two_sided
        mids = [x[0] for x in q]
        now = ns // 10**9

        def when(count, have, value):
            return value() if have >= count else nan

        m = self.mid
        imbalance = (self.bs - self.asz) / (self.bs + self.asz) if self.bs + self.asz > 0 else 0.0
        quotes = n if live else 0
        out["spread_bps"] = when(1, quotes, lambda: (self.ask - self.bid) / m * BPS)
        spread = self.ema([x[1] for x in q], 100)
        out["spread_ratio_100"] = when(100, quotes, lambda: (self.ask - self.bid) / spread if spread > 0 else 1.0)
        sizes = self.bs + self.asz
        out["microprice_bps"] = when(1, quotes, lambda: ((self.bid * self.asz + self.ask * self.bs) / sizes - m) / m * BPS if sizes > 0 else 0.0)
        out["queue_imbalance"] = when(1, quotes, lambda: imbalance)
        out["queue_imbalance_20"] = when(20, quotes, lambda: self.ema([x[2] for x in q], 20))
        for k in (20, 100):
            flow, size = self.ema(self.flows, k), self.ema([abs(x) for x in self.flows], k)
            out[f"order_flow_imbalance_{k}"] = when(k + 1, quotes, lambda: flow / size if size else 0.0)
            out[f"mid_ema_{k}_bps"] = when(k, quotes, lambda: (m / self.ema(mids, k) - 1) * BPS)
        out["mid_volatility_100_bps"] = when(100, len(self.returns) if live else 0,
                                             lambda: math.sqrt(self.ema(self.returns, 100)) * BPS)
        first = min((s for s, c in self.by_second.items() if c["mid"]), default=None)
        whole = 0 if first is None else now - first
        seconds = min(whole, 64) if live else 0

        def last_mid(second):
            while self.by_second.get(second, {"mid": None})["mid"] is None:
                second -= 1
            return self.by_second[second]["mid"]

        for k in (1, 10, 60):
            out[f"mid_return_{k}s_bps"] = when(k, seconds, lambda: (m / last_mid(now - k) - 1) * BPS)
        out["realised_60s_bps"] = when(61, seconds, lambda: math.sqrt(sum(
            (last_mid(s) / last_mid(s - 1) - 1) ** 2 for s in range(now - 60, now)) / 60) * BPS)

        def over(k, field):
            return sum(self.by_second[s][field] for s in range(now - k, now) if s in self.by_second)

        out["quotes_per_second_10s"] = when(10, seconds, lambda: over(10, "quotes") / 10)
        out["trades_per_second_10s"] = when(10, seconds, lambda: over(10, "trades") / 10)
        out["trade_flow_imbalance_60s"] = when(60, seconds, lambda: over(60, "signed") / over(60, "volume") if over(60, "volume") else 0.0)
        t = self.trades
        out["trade_flow_imbalance_50"] = when(50, len(t), lambda: self.ema([x["sign"] * x["size"] for x in t], 50) / self.ema([x["size"] for x in t], 50))
        out["tick_imbalance_50"] = when(51, len(t), lambda: self.ema([x["tick"] for x in t[1:]], 50))
        out["effective_spread_bps"] = when(1, len(t), lambda: 2 * abs(t[-1]["px"] - t[-1]["mid"]) / t[-1]["mid"] * BPS if t[-1]["mid"] else nan)
        quoted = [x for x in t if x["mid"]]
        out["effective_spread_50_bps"] = when(50, len(t), lambda: self.ema([2 * abs(x["px"] - x["mid"]) / x["mid"] * x["size"] for x in quoted], 50) / self.ema([x["size"] for x in quoted], 50) * BPS)
        out["price_pressure_50_bps"] = when(50, len(t), lambda: self.ema([(x["px"] - x["mid"]) / x["mid"] * x["size"] for x in quoted], 50) / self.ema([x["size"] for x in quoted], 50) * BPS)
        out["realised_spread_5s_bps"] = when(50, len(self.settled), lambda: self.ema([x[0] for x in self.settled], 50) * BPS)
        out["price_impact_5s_bps"] = when(50, len(self.settled), lambda: self.ema([x[1] for x in self.settled], 50) * BPS)
        out["trade_size_ratio_50"] = when(50, len(t), lambda: t[-1]["size"] / self.ema([x["size"] for x in t], 50))
        s = self.session
        price = m if n else nan
        prints, prices = s["prints"], s["prices"]
        volume = sum(v for _, v in prints)
        if prints:
            vwap = sum(p * v for p, v in prints) / volume
            deviation = math.sqrt(sum(v * (p - vwap) ** 2 for p, v in prints) / volume)
        out["vwap_distance_bps"] = (price / vwap - 1) * BPS if prints else nan
        out["vwap_z"] = ((price - vwap) / deviation if deviation > 1e-9 else 0.0) if len(prints) >= 2 else nan
        out["session_return_bps"] = (price / prices[0] - 1) * BPS if prints else nan
        out["session_high_bps"] = (max(prices) / price - 1) * BPS if prints else nan
        out["session_low_bps"] = (price / min(prices) - 1) * BPS if prints else nan
        out["overnight_gap_bps"] = (prices[0] / self.previous_close - 1) * BPS if self.previous_close and prices else nan
        out["session_volume_ratio"] = volume / self.previous_volume if self.previous_close else nan
        into = ns - s["day"] * DAY * 10**9
        out["session_elapsed"] = into / (DAY * 10**9)
        out["minutes_to_close"] = (DAY * 10**9 - into) / 60e9
        out["session_phase"] = 2.0
        out["day_of_week"] = float((s["day"] + 3) % 7 + 1)
        return out


@pytest.fixture(scope="module", params=[11, 12])
def run(request):
    records, index = market(request.param)
    rows = sorted([record(k, ns, *f) for k, ns, *f in records] + [record(k, ns, *f, symbol=1) for k, ns, *f in index],
                  key=lambda r: (r[2], r[3]))
    got = values(rows, "1m,5m")
    slow, want, at = Slow(), [], []
    for i, (kind, ns, *fields) in enumerate(records):
        if kind == QUOTE:
            slow.quote(ns, *fields)
        elif kind == TRADE:
            slow.trade(ns, *fields)
        else:
            slow.pass_to(ns)
            slow.scale *= fields[1] / fields[2]
        if i % 7 == 0 or i > len(records) - 50:
            want.append(slow.values(ns))
            at.append(i)
    return {"got": got, "want": want, "at": np.array(at), "slow": slow, "records": records, "index": index}


def names():
    slow = Slow()
    slow.pass_to(START * 10**9)
    return sorted(slow.values(START * 10**9))


SCALES = {"trade_flow_imbalance_50": 1, "trade_flow_imbalance_60s": 1, "order_flow_imbalance_20": 1, "order_flow_imbalance_100": 1,
          "queue_imbalance_20": 1, "tick_imbalance_50": 1, "vwap_z": 1e4, "price_pressure_50_bps": 1, "microprice_bps": BPS,
          "realised_spread_5s_bps": BPS, "price_impact_5s_bps": BPS, "effective_spread_bps": BPS, "effective_spread_50_bps": BPS,
          "spread_bps": BPS, "spread_ratio_100": 1e4, "mid_volatility_100_bps": 1e4, "realised_60s_bps": 1e4}


@pytest.mark.parametrize("name", names())
def test_ticks(run, name):
    want = np.array([w[name] for w in run["want"]])
    scale = SCALES.get(name, BPS if name.endswith("_bps") else None)
    assert_equal(run["got"][name][run["at"]], want, name, scale)


def test_every_tick_feature_has_a_reference(run):
    bars = {n for n in run["got"] if n.endswith(("_1m", "_5m"))}
    assert set(run["got"]) - bars == set(names()) | set(ACROSS) | {"vpin_50"}


def test_vpin():
    """Trades only, so signed by the tick rule; one print fills a hundred buckets at once."""
    random = np.random.default_rng(4)
    slow, records, want = Slow(), [], []
    px = 100.0
    for i in range(9000):
        px = round(px + random.choice([-0.01, 0, 0.01]), 2)
        size = 5e6 if i == 6000 else float(random.integers(1, 50))
        records.append((TRADE, START * 10**9 + i * 10**7, px, size, 0))
    for i, (_, ns, *fields) in enumerate(records):
        slow.trade(ns, *fields)
        if i % 500 == 499 or i in (6000, 6001):
            want.append((i, slow.vpin()))
    got = values([record(k, ns, *f) for k, ns, *f in records], "1m")["vpin_50"]
    at = [i for i, _ in want]
    assert_equal(got[at], np.array([w for _, w in want]), "vpin_50", 1)
    assert np.nanmax(got) <= 1 and np.nanmin(got) >= 0


# ---- bars from trades ------------------------------------------------------------------------------------------------

def minute_bars(trades, period=60):
    """period number -> (open, high, low, close, volume, signed volume)."""
    out = {}
    for ns, px, size, sign in trades:
        k = ns // (period * 10**9)
        o, h, l, c, v, s = out.get(k, (px, px, px, px, 0.0, 0.0))
        out[k] = (o, max(h, px), min(l, px), px, v + size, s + sign * size)
    return out


def test_kyle_and_signed_volume(run):
    """Slope of the bar's return on its signed volume over 20 bars (numpy.polyfit), times the mean volume."""
    trades = [(t["ns"], t["px"], t["size"], t["sign"]) for t in run["slow"].trades]
    bars = minute_bars(trades)
    keys = sorted(bars)
    closes = [bars[k][3] for k in keys]
    seen = 0
    for i, (kind, ns, *_) in enumerate(run["records"]):
        closed = [j for j, k in enumerate(keys) if (k + 1) * 60 * 10**9 <= ns]
        if not closed or i % 11:
            continue
        j = closed[-1]
        _, _, _, _, volume, signed = bars[keys[j]]
        assert run["got"]["signed_volume_1m"][i] == pytest.approx(signed / volume, abs=1e-9)
        if j >= 20:
            x = np.array([bars[keys[m]][5] for m in range(j - 19, j + 1)])
            y = np.array([closes[m] / closes[m - 1] - 1 for m in range(j - 19, j + 1)])
            mean_volume = np.mean([bars[keys[m]][4] for m in range(j - 19, j + 1)])
            want = np.polyfit(x / mean_volume, y, 1)[0] * BPS
            assert run["got"]["kyle_lambda_20_1m"][i] == pytest.approx(want, rel=1e-7, abs=1e-9)
            seen += 1
    assert seen > 50


def test_index_beta_and_correlation(run):
    """Against numpy on the returns of the minutes that both have."""
    own = minute_bars([(t["ns"], t["px"], t["size"], t["sign"]) for t in run["slow"].trades])
    index = minute_bars([(ns, px, size, 0) for _, ns, px, size, _ in run["index"]])

    def returns(bars):
        keys = sorted(bars)
        return {k: bars[k][3] / bars[p][3] - 1 for p, k in zip(keys, keys[1:])}

    ours, theirs = returns(own), returns(index)
    keys = sorted(own)
    seen = 0
    for i, (kind, ns, *_) in enumerate(run["records"]):
        closed = [k for k in keys if (k + 1) * 60 * 10**9 <= ns]
        pairs = [(ours[k], theirs[k]) for k in closed if k in ours and k in theirs][-20:]
        if len(pairs) < 20 or i % 11:
            continue
        y, x = np.array(pairs).T
        assert run["got"]["index_beta_20_1m"][i] == pytest.approx(np.cov(x, y)[0, 1] / np.var(x, ddof=1), rel=1e-7)
        assert run["got"]["index_correlation_20_1m"][i] == pytest.approx(np.corrcoef(x, y)[0, 1], rel=1e-7)
        assert run["got"]["index_strength_20_bps_1m"][i] == pytest.approx((y.sum() - x.sum()) * BPS, abs=1e-6)
        for name in ("beta_20", "correlation_20", "strength_20_bps"):  # the same symbol is its sector here
            assert run["got"][f"sector_{name}_1m"][i] == run["got"][f"index_{name}_1m"][i]
        seen += 1
    assert seen > 50


ACROSS = ["trend_agreement", "momentum_agreement", "return_agreement", "position_agreement", "rsi_difference", "volatility_term"]


def test_across_timeframes(run):
    got, last = run["got"], -1
    trend = [np.sign(got[f"ema_cross_20_50_bps_{t}"][last]) for t in ("1m", "5m")]
    rsi = [got[f"rsi_14_{t}"][last] for t in ("1m", "5m")]
    if not np.isnan(rsi).any():
        assert got["momentum_agreement"][last] == pytest.approx(np.mean([(r - 50) / 50 for r in rsi]))
        assert got["rsi_difference"][last] == pytest.approx(rsi[0] - rsi[1])
    assert np.isnan(got["trend_agreement"][last]) == np.isnan(trend).any()
    direction = [np.sign(got[f"return_1_bps_{t}"][last]) for t in ("1m", "5m")]
    assert got["return_agreement"][last] == pytest.approx(np.mean(direction))


def test_across_long():
    """All of them warm: 1m and 5m over four days of bars."""
    from features import bars
    random = np.random.default_rng(5)
    close = 20 * np.exp(np.cumsum(random.normal(0, 0.001, 6000)))
    open_ = np.roll(close, 1)
    open_[0] = close[0]
    high, low = np.maximum(open_, close) * 1.0003, np.minimum(open_, close) * 0.9997
    table = np.rint(np.column_stack([open_, high, low, close]) * 1e6) / 1e6
    got = values([bars(1_600_000_200 + 60 * np.arange(6000), 60, *table.T, np.full(6000, 5.0))], "1m,5m")
    for i in range(1500, 6000, 97):
        assert got["trend_agreement"][i] == np.mean([np.sign(got[f"ema_cross_20_50_bps_{t}"][i]) for t in ("1m", "5m")])
        assert got["position_agreement"][i] == pytest.approx(np.mean([2 * got[f"donchian_position_20_{t}"][i] - 1 for t in ("1m", "5m")]), abs=1e-12)
        ratio = got["realised_20_bps_1m"][i] * math.sqrt(5) / got["realised_20_bps_5m"][i]
        assert got["volatility_term"][i] == pytest.approx(ratio, rel=1e-9)
