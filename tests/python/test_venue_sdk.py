"""Alpaca's own SDK, unmodified but for its URLs, against `ats venue` over TLS: every call of trading and history, both
streams. What it makes of an answer is held to what the venue's capture says."""
import asyncio
import bisect
import datetime as dt
import json
import ssl
import threading
import time
import uuid

import pytest

alpaca = pytest.importorskip("alpaca")
import msgpack
import requests
import websockets
from alpaca.common.exceptions import APIError
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.live import StockDataStream
from alpaca.data.requests import (StockBarsRequest, StockLatestBarRequest, StockLatestQuoteRequest,
                                  StockLatestTradeRequest, StockQuotesRequest, StockSnapshotRequest, StockTradesRequest)
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import (AssetClass, OrderClass, OrderSide, OrderStatus, OrderType, QueryOrderStatus,
                                  TimeInForce)
from alpaca.trading.requests import (ClosePositionRequest, GetAssetsRequest, GetCalendarRequest, GetOrdersRequest,
                                     LimitOrderRequest, MarketOrderRequest, ReplaceOrderRequest, StopLimitOrderRequest,
                                     StopLossRequest, StopOrderRequest, TakeProfitRequest, TrailingStopOrderRequest)
from alpaca.trading.stream import TradingStream

from conftest import ats
from venue import KEY, SECRET, venue

A, B, C = "SYN001", "SYN002", "SYN003"
DAY, GTC, IOC, FOK, OPG, CLS = (TimeInForce(t) for t in ("day", "gtc", "ioc", "fok", "opg", "cls"))
BUY, SELL = OrderSide.BUY, OrderSide.SELL


@pytest.fixture(scope="module")
def capture(work):
    path = work / "venue.cap"
    ats("synth", "-q", "-o", path, "--duration", "30m", "--rate", 600, "--symbols", 4, "--volatility", 50, "--seed", 3)
    return path


@pytest.fixture(scope="module")
def trust(work):
    """Where the authority lies that the SDK's libraries are told to trust, and no other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", str(work / "tls" / "ca.pem"))
        yield work / "tls"


@pytest.fixture
def server(capture, trust):
    with venue(capture, "--tls", trust) as running:
        client = TradingClient(KEY, SECRET, url_override=running.rest)
        deadline = time.monotonic() + 20
        while quote(running, A) is None:
            assert time.monotonic() < deadline, "no quote came"
            time.sleep(0.05)
        running.client = client
        yield running
        assert "account" in running.end()


@pytest.fixture
def client(server):
    return server.client


def history(server):
    return StockHistoricalDataClient(KEY, SECRET, url_override=server.rest)


def quote(server, symbol):
    return history(server).get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=symbol)).get(symbol)


def near(server, symbol, bps):
    """A price so far from the market, on a cent."""
    q = quote(server, symbol)
    return round((q.bid_price + q.ask_price) / 2 * (1 + bps / 1e4), 2)


def settled(client, order, *statuses):
    """The order once it has one of these states."""
    deadline = time.monotonic() + 10
    while True:
        found = client.get_order_by_id(order.id)
        if found.status.value in statuses:
            return found
        assert time.monotonic() < deadline, f"{found.status} instead of {statuses}"
        time.sleep(0.02)


def refused(status, code, call, *arguments, **named):
    with pytest.raises(APIError) as error:
        call(*arguments, **named)
    assert error.value.status_code == status
    assert error.value.code == code
    return error.value


# ---- account, clock, assets ----------------------------------------------------------------------

def test_account_clock_calendar_and_assets(server, client):
    account = client.get_account()
    assert account.status.value == "ACTIVE" and float(account.cash) == float(account.equity) == 100000
    assert float(account.buying_power) == 400000 and not account.trading_blocked and account.currency == "USD"
    assert client.get_account_configurations().no_shorting is False
    clock = client.get_clock()
    assert clock.is_open and clock.timestamp.date() == dt.date(2024, 1, 2)
    assert clock.next_close == dt.datetime.fromisoformat("2024-01-02T16:00:00-05:00")
    assert clock.next_open == dt.datetime.fromisoformat("2024-01-03T09:30:00-05:00")
    days = client.get_calendar(GetCalendarRequest(start=dt.date(2024, 6, 28), end=dt.date(2024, 7, 8)))
    assert [(d.date.isoformat(), d.close.hour) for d in days] == [
        ("2024-06-28", 16), ("2024-07-01", 16), ("2024-07-02", 16), ("2024-07-03", 13), ("2024-07-05", 16),
        ("2024-07-08", 16)]
    assets = client.get_all_assets(GetAssetsRequest(asset_class=AssetClass.US_EQUITY))
    assert [a.symbol for a in assets] == ["SYN001", "SYN002", "SYN003", "SYN004"]
    one = client.get_asset(A)
    assert one == assets[0] and one.tradable and one.shortable and one.fractionable
    assert client.get_asset(one.id).symbol == A
    assert client.get_all_assets(GetAssetsRequest(asset_class=AssetClass.CRYPTO)) == []
    refused(404, 40410000, client.get_asset, "NOSUCH")


def test_a_wrong_key_opens_nothing(server):
    stranger = TradingClient(KEY, "wrong", url_override=server.rest)
    refused(401, 40110000, stranger.get_account)
    refused(401, 40110000, stranger.submit_order,
            MarketOrderRequest(symbol=A, qty=1, side=BUY, time_in_force=DAY))
    assert server.client.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL)) == []


# ---- orders --------------------------------------------------------------------------------------

def test_market_orders_by_quantity_fraction_and_notional(server, client):
    whole = settled(client, client.submit_order(MarketOrderRequest(symbol=A, qty=10, side=BUY, time_in_force=DAY)), "filled")
    assert float(whole.filled_qty) == 10 and whole.filled_at is not None
    assert abs(float(whole.filled_avg_price) / near(server, A, 0) - 1) < 0.005
    part = settled(client, client.submit_order(MarketOrderRequest(symbol=B, qty=0.25, side=BUY, time_in_force=DAY)), "filled")
    assert float(part.filled_qty) == 0.25
    money = settled(client, client.submit_order(MarketOrderRequest(symbol=C, notional=1000, side=BUY, time_in_force=DAY)), "filled")
    assert float(money.notional) == 1000
    assert abs(float(money.filled_qty) * float(money.filled_avg_price) - 1000) < 2
    held = {p.symbol: float(p.qty) for p in client.get_all_positions()}
    assert held == {A: 10, B: 0.25, C: float(money.filled_qty)}
    spent = sum(float(o.filled_qty) * float(o.filled_avg_price) for o in (whole, part, money))
    assert float(client.get_account().cash) == pytest.approx(100000 - spent, abs=1e-6)


def test_every_type_rests_and_is_cancelled(server, client):
    low, high = near(server, A, -300), near(server, A, 300)
    asked = [
        LimitOrderRequest(symbol=A, qty=1, side=BUY, time_in_force=DAY, limit_price=low),
        LimitOrderRequest(symbol=B, qty=1, side=BUY, time_in_force=GTC, limit_price=near(server, B, -300),
                          client_order_id="mine-1"),
        LimitOrderRequest(symbol=B, qty=1, side=BUY, time_in_force=DAY, limit_price=near(server, B, -310), extended_hours=True),
        StopOrderRequest(symbol=C, qty=1, side=BUY, time_in_force=DAY, stop_price=near(server, C, 300)),
        StopLimitOrderRequest(symbol=A, qty=1, side=BUY, time_in_force=GTC, stop_price=high, limit_price=high),
        TrailingStopOrderRequest(symbol=C, qty=1, side=BUY, time_in_force=DAY, trail_price=9.5),
        TrailingStopOrderRequest(symbol=C, qty=2, side=BUY, time_in_force=GTC, trail_percent=4),
        LimitOrderRequest(symbol=A, qty=1, side=BUY, time_in_force=OPG, limit_price=low),
        MarketOrderRequest(symbol=A, qty=1, side=BUY, time_in_force=CLS),
    ]
    orders = [settled(client, client.submit_order(request), "new") for request in asked]
    for order, request in zip(orders, asked):
        assert (order.symbol, order.type, order.side, order.time_in_force) == (
            request.symbol, request.type, request.side, request.time_in_force)
        for price in ("limit_price", "stop_price", "trail_price", "trail_percent"):
            wanted, got = getattr(request, price, None), getattr(order, price)
            assert (got is None) == (wanted is None) and (wanted is None or float(got) == wanted), price
    assert client.get_order_by_client_id("mine-1").id == orders[1].id
    assert {o.id for o in client.get_orders()} == {o.id for o in orders}
    assert {o.id for o in client.get_orders(GetOrdersRequest(symbols=[C]))} == {o.id for o in orders if o.symbol == C}
    assert len(client.get_orders(GetOrdersRequest(limit=4))) == 4
    client.cancel_order_by_id(orders[0].id)
    settled(client, orders[0], "canceled")
    refused(422, 42210000, client.cancel_order_by_id, orders[0].id)
    ended = client.cancel_orders()
    assert {r.id for r in ended} == {o.id for o in orders[1:]} and all(r.status == 200 for r in ended)
    for order in orders[1:]:
        settled(client, order, "canceled")
    assert client.get_orders() == []
    closed = client.get_orders(GetOrdersRequest(status=QueryOrderStatus.CLOSED))
    assert [o.id for o in closed] == [o.id for o in reversed(orders)], "the latest first"


def test_ioc_and_fok_do_not_rest(server, client):
    low = near(server, A, -100)
    for tif in (IOC, FOK):
        order = client.submit_order(LimitOrderRequest(symbol=A, qty=5, side=BUY, time_in_force=tif, limit_price=low))
        assert float(settled(client, order, "canceled").filled_qty) == 0
    order = client.submit_order(LimitOrderRequest(symbol=A, qty=5, side=BUY, time_in_force=IOC, limit_price=near(server, A, 50)))
    assert float(settled(client, order, "filled").filled_qty) == 5


def test_a_replacement_is_a_new_order(server, client):
    order = settled(client, client.submit_order(LimitOrderRequest(
        symbol=A, qty=10, side=BUY, time_in_force=DAY, limit_price=near(server, A, -300))), "new")
    price = near(server, A, -200)
    by = client.replace_order_by_id(order.id, ReplaceOrderRequest(qty=4, limit_price=price, client_order_id="second"))
    assert by.id != order.id and by.replaces == order.id
    new, old = settled(client, by, "new"), settled(client, order, "replaced")
    assert old.replaced_by == new.id and float(new.qty) == 4 and float(new.limit_price) == price
    assert new.client_order_id == "second"
    refused(422, 42210000, client.replace_order_by_id, order.id, ReplaceOrderRequest(qty=2))


def test_brackets_oco_and_oto(server, client):
    up, down = near(server, A, 400), near(server, A, -400)
    legs = {"take_profit": TakeProfitRequest(limit_price=up), "stop_loss": StopLossRequest(stop_price=down)}
    bracket = client.submit_order(MarketOrderRequest(symbol=A, qty=6, side=BUY, time_in_force=DAY,
                                                     order_class=OrderClass.BRACKET, **legs))
    assert bracket.order_class == OrderClass.BRACKET and [leg.status for leg in bracket.legs] == [OrderStatus.HELD] * 2
    settled(client, bracket, "filled")
    nested = client.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL, nested=True))
    assert len(nested) == 1 and {leg.status for leg in nested[0].legs} == {OrderStatus.NEW}
    assert {leg.type for leg in nested[0].legs} == {OrderType.LIMIT, OrderType.STOP}
    # What the legs hold is not free.
    error = refused(403, 40310000, client.submit_order, MarketOrderRequest(symbol=A, qty=1, side=SELL, time_in_force=DAY))
    assert "insufficient qty" in error.message
    client.cancel_order_by_id(nested[0].legs[0].id)  # one takes the other with it
    for leg in nested[0].legs:
        settled(client, leg, "canceled")
    oco = client.submit_order(LimitOrderRequest(symbol=A, qty=6, side=SELL, time_in_force=GTC, order_class=OrderClass.OCO,
                                                limit_price=up, **legs))
    settled(client, oco, "new")
    client.cancel_order_by_id(oco.id)
    settled(client, oco, "canceled")
    oto = client.submit_order(LimitOrderRequest(symbol=B, qty=2, side=BUY, time_in_force=DAY, limit_price=near(server, B, 50),
                                                order_class=OrderClass.OTO, stop_loss=StopLossRequest(
                                                    stop_price=near(server, B, -400), limit_price=near(server, B, -450))))
    settled(client, oto, "filled")
    [leg] = next(o for o in client.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL, nested=True)) if o.id == oto.id).legs
    assert leg.type == OrderType.STOP_LIMIT and leg.status == OrderStatus.NEW and leg.side == SELL


def test_what_is_refused_is_refused_as_alpaca_does(server, client):
    submit, price = client.submit_order, near(server, A, -100)
    limit = dict(symbol=A, side=BUY, time_in_force=DAY)
    assert "sub-penny" in refused(422, 42210000, submit, LimitOrderRequest(qty=1, limit_price=price + 0.005, **limit)).message
    assert "not found" in refused(422, 42210000, submit, MarketOrderRequest(**{**limit, "symbol": "NOSUCH"}, qty=1)).message
    refused(422, 42210000, submit, LimitOrderRequest(qty=1, limit_price=price, symbol=A, side=BUY, time_in_force=IOC,
                                                     extended_hours=True))
    error = refused(403, 40310000, submit, LimitOrderRequest(qty=50000, limit_price=price, **limit))
    assert "insufficient buying power" in error.message
    refused(422, 42210000, submit, MarketOrderRequest(**{**limit, "time_in_force": GTC}, qty=0.5))
    settled(client, submit(LimitOrderRequest(qty=1, limit_price=price, client_order_id="once", **limit)), "new")
    error = refused(422, 40010001, submit, LimitOrderRequest(qty=1, limit_price=price, client_order_id="once", **limit))
    assert error.message == "client_order_id must be unique"
    settled(client, submit(StopOrderRequest(symbol=A, qty=1, side=SELL, time_in_force=DAY, stop_price=near(server, A, -300))), "new")
    assert "wash trade" in refused(403, 40310000, submit, MarketOrderRequest(qty=1, **limit)).message
    refused(404, 40410000, client.get_order_by_id, uuid.uuid4())
    refused(404, 40410000, client.get_order_by_client_id, "never")
    refused(404, 40410000, client.cancel_order_by_id, uuid.uuid4())


# ---- positions, activities -----------------------------------------------------------------------

def test_positions_long_and_short_are_closed_in_part_and_whole(server, client):
    for symbol, side, qty in ((A, BUY, 10), (B, SELL, 4), (C, BUY, 3)):
        settled(client, client.submit_order(MarketOrderRequest(symbol=symbol, qty=qty, side=side, time_in_force=DAY)), "filled")
    held = {p.symbol: p for p in client.get_all_positions()}
    assert {s: (p.side.value, float(p.qty)) for s, p in held.items()} == {
        A: ("long", 10), B: ("short", -4), C: ("long", 3)}
    one = client.get_open_position(A)
    assert float(one.avg_entry_price) == float(held[A].avg_entry_price)
    assert float(one.market_value) == pytest.approx(10 * float(one.current_price))
    assert float(one.unrealized_pl) == pytest.approx(float(one.market_value) - float(one.cost_basis), abs=1e-6)
    assert client.get_open_position(one.asset_id).symbol == A
    settled(client, client.close_position(A, ClosePositionRequest(qty="4")), "filled")
    settled(client, client.close_position(A, ClosePositionRequest(percentage="50")), "filled")
    assert float(client.get_open_position(A).qty) == 3
    settled(client, client.submit_order(LimitOrderRequest(symbol=A, qty=3, side=SELL, time_in_force=DAY,
                                                          limit_price=near(server, A, 300))), "new")
    refused(403, 40310000, client.close_position, A)
    answers = client.close_all_positions(cancel_orders=True)
    assert {a.symbol: a.status for a in answers} == {A: 200, B: 200, C: 200}
    for answer in answers:
        settled(client, answer.body, "filled")
    assert client.get_all_positions() == [] and client.get_orders() == []
    refused(404, 40410000, client.get_open_position, A)
    refused(404, 40410000, client.close_position, A)
    account = client.get_account()
    assert account.cash == account.equity and float(account.long_market_value) == float(account.short_market_value) == 0
    # Activities: each fill once, over pages; they add up to the cash.
    fills, token = [], None
    while True:
        page = client.get("/account/activities/FILL", {"page_size": 2, "direction": "asc", **({"page_token": token} if token else {})})
        fills += page
        if len(page) < 2:
            break
        token = page[-1]["id"]
    assert len({f["id"] for f in fills}) == len(fills) >= 8
    flow = sum(float(f["qty"]) * float(f["price"]) * (1 if f["side"] == "sell" else -1) for f in fills)
    assert float(account.cash) == pytest.approx(100000 + flow, abs=1e-6)
    newest = client.get("/account/activities", {"activity_types": "FILL", "page_size": 1})
    assert newest[0]["id"] == fills[-1]["id"]


# ---- history -------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def recorded(capture):
    """Every trade of the capture, by symbol."""
    lines = ats("capture", "cat", capture, "--jsonl", "--kind", "trade").stdout.splitlines()
    trades = {}
    for t in map(json.loads, lines):
        # Odd lots set no price of a bar, but count in its volume.
        trades.setdefault(t["symbol"], []).append((t["event_ns"], t["px_e9"] / 1e9, t["qty_e9"] / 1e9, "I" not in t["condition"]))
    return trades


def bar_of(trades, begin, minutes):
    """open, high, low, close, volume, trades, vwap of what was printed from `begin` on."""
    own = [t for t in trades if begin <= t[0] < begin + minutes * 60 * 10**9]
    prices = [t[1] for t in own if t[3]]
    volume = sum(t[2] for t in own)
    return (prices[0], max(prices), min(prices), prices[-1], volume, len(own),
            pytest.approx(sum(t[1] * t[2] for t in own) / volume, abs=1e-8))


def ns(moment):
    return round(moment.timestamp() * 1e6) * 1000


def test_history_with_pages(server, recorded):
    data = history(server)
    while server.client.get_clock().timestamp.second < 3:
        time.sleep(0.1)
    end = server.client.get_clock().timestamp.astimezone(dt.timezone.utc)
    start = end - dt.timedelta(seconds=2)
    got = data.get_stock_trades(StockTradesRequest(symbol_or_symbols=[A, B], start=start, end=end)).data
    for symbol in (A, B):
        times = [t[0] for t in recorded[symbol]]
        wanted = recorded[symbol][bisect.bisect_left(times, ns(start)):bisect.bisect_right(times, ns(end))]
        assert [(ns(t.timestamp), t.price, t.size) for t in got[symbol]] == [
            (t // 1000 * 1000, px, qty) for t, px, qty, _ in wanted]
    # By pages of 7, as the stream of pages of a client that asks for little.
    rows, token = [], None
    while True:
        query = {"symbols": f"{A},{B}", "limit": 7, "start": start.isoformat(), "end": end.isoformat()}
        page = requests.get(f"{server.rest}/v2/stocks/trades", {**query, **({"page_token": token} if token else {})},
                            headers={"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": SECRET}).json()
        rows += [(s, t["i"]) for s in page["trades"] for t in page["trades"][s]]
        token = page["next_page_token"]
        if not token:
            break
    assert rows == [(s, t.id) for s in (A, B) for t in got[s]]
    quotes = data.get_stock_quotes(StockQuotesRequest(symbol_or_symbols=A, start=start, end=end)).data[A]
    assert len(quotes) > 20 and all(q.ask_price >= q.bid_price > 0 for q in quotes)


def test_bars_are_made_of_the_trades(capture, trust, recorded):
    with venue(capture, "--tls", trust, "--speed", "200x") as server:
        data, client = history(server), TradingClient(KEY, SECRET, url_override=server.rest)
        while client.get_clock().timestamp.minute < 37:
            time.sleep(0.1)
        start = dt.datetime(2024, 1, 2, 14, 30, tzinfo=dt.timezone.utc)
        end = start + dt.timedelta(minutes=6)
        for minutes in (1, 2, 5):
            frame = TimeFrame(minutes, TimeFrameUnit.Minute)
            bars = data.get_stock_bars(StockBarsRequest(symbol_or_symbols=[A, C], timeframe=frame, start=start, end=end)).data
            for symbol in (A, C):
                for bar in bars[symbol][:-1]:  # the last one is cut by `end`
                    assert (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trade_count, bar.vwap) == bar_of(
                        recorded[symbol], ns(bar.timestamp), minutes)
        latest = data.get_stock_latest_bar(StockLatestBarRequest(symbol_or_symbols=[A, B]))
        assert set(latest) == {A, B}
        trade = data.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols=A))[A]
        assert any(t[1] == trade.price for t in recorded[A])
        shot = data.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols=[A]))[A]
        assert shot.latest_quote.ask_price > 0 and shot.daily_bar.volume >= shot.minute_bar.volume
        day = data.get_stock_bars(StockBarsRequest(symbol_or_symbols=A, timeframe=TimeFrame.Day, start=start.replace(hour=0), end=end)).data
        assert [b.timestamp.hour for b in day[A]] == [5], "New York's midnight"


# ---- streams -------------------------------------------------------------------------------------

def context(trust):
    return ssl.create_default_context(cafile=str(trust / "ca.pem"))


def run_stream(stream, until, seconds=30):
    """Runs an SDK's stream in a thread until a condition holds; then stops it."""
    thread = threading.Thread(target=stream.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + seconds
    while not until() and time.monotonic() < deadline:
        time.sleep(0.05)
    met = until()
    stream.stop()
    thread.join(40)  # the other side may have much on its way
    assert met, "it did not come in time"
    assert not thread.is_alive()


def test_the_data_stream_gives_every_trade_and_quote(capture, trust, recorded):
    seen = {"trades": [], "quotes": [], "bars": [], "days": []}

    def into(kind):
        async def handler(message):
            seen[kind].append(message)
        return handler

    with venue(capture, "--tls", trust, "--hold", "--speed", "20x") as server:
        stream = StockDataStream(KEY, SECRET, url_override=f"{server.stream}/v2/iex", websocket_params={"ssl": context(trust)})
        stream.subscribe_trades(into("trades"), A, B)
        stream.subscribe_quotes(into("quotes"), A)
        stream.subscribe_bars(into("bars"), "*")
        stream.subscribe_daily_bars(into("days"), A)
        run_stream(stream, lambda: len(seen["bars"]) >= 8 and len(seen["trades"]) > 2000, 90)
    for symbol in (A, B):
        got = [(ns(t.timestamp), t.price, t.size) for t in seen["trades"] if t.symbol == symbol]
        all_of_it = [(t // 1000 * 1000, px, qty) for t, px, qty, _ in recorded[symbol]]
        # What was printed before the subscription was acknowledged is not told; then nothing is missing.
        first = all_of_it.index(got[0])
        assert len(got) > 500 and got == all_of_it[first:first + len(got)]
    assert len(seen["quotes"]) > 500 and {q.symbol for q in seen["quotes"]} == {A}
    assert {b.symbol for b in seen["bars"]} == {"SYN001", "SYN002", "SYN003", "SYN004"}
    whole = [b for b in seen["bars"] if b.symbol == A][1]
    assert (whole.open, whole.high, whole.low, whole.close, whole.volume, whole.trade_count, whole.vwap) == bar_of(
        recorded[A], ns(whole.timestamp), 1)
    assert seen["days"] and seen["days"][-1].volume >= whole.volume


async def listen(server, trust, kind):
    """What a raw client hears until the first bars: frames, and messages as plain dictionaries with their time in ns."""
    pack, unpack = (msgpack.packb, msgpack.unpackb) if kind == "msgpack" else (json.dumps, json.loads)
    headers = {"Content-Type": f"application/{kind}"}
    got, frames = [], []
    async with websockets.connect(f"{server.stream}/v2/sip", ssl=context(trust), additional_headers=headers, max_size=None) as ws:
        assert unpack(await ws.recv()) == [{"T": "success", "msg": "connected"}]
        await ws.send(pack({"action": "auth", "key": KEY, "secret": SECRET}))
        assert unpack(await ws.recv()) == [{"T": "success", "msg": "authenticated"}]
        await ws.send(pack({"action": "subscribe", "trades": ["*"], "quotes": [A], "bars": ["*"]}))
        [answer] = unpack(await ws.recv())
        assert answer["T"] == "subscription" and answer["trades"] == ["*"] and answer["corrections"] == ["*"]
        while not any(m["T"] == "b" for m in got[-1000:]):
            frame = await ws.recv()
            assert isinstance(frame, bytes if kind == "msgpack" else str)
            frames.append(frame)
            got += unpack(frame)
    for m in got:
        if kind == "msgpack":
            m["t"] = m["t"].to_unix_nano()
        else:
            whole, _, fraction = m["t"].rstrip("Z").partition(".")
            seconds = dt.datetime.fromisoformat(whole + "+00:00").timestamp()
            m["t"] = int(seconds) * 10**9 + int((fraction + "0" * 9)[:9])
    return frames, got


def decoded(name, frames):
    """What our own decoder makes of the frames."""
    lines = [f.hex() if isinstance(f, bytes) and name.endswith("msgpack") else f.decode() if isinstance(f, bytes) else f
             for f in frames]
    done = ats("decode", name, "-q", "--symbols", "SYN001,SYN002,SYN003,SYN004", input="".join(x + "\n" for x in lines))
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_both_formats_say_the_same_to_others_and_to_us(capture, trust, recorded):
    streams, ours = {}, {}
    for kind in ("json", "msgpack"):
        with venue(capture, "--tls", trust, "--hold", "--speed", "60x") as server:
            frames, streams[kind] = asyncio.run(listen(server, trust, kind))
        ours[kind] = decoded(f"alpaca-{kind}", frames)
        assert len(ours[kind]) == len(streams[kind]) and not any("refused" in m for m in ours[kind])
        # Each trade is the recorded one, to the last digit.
        exact = {(s, t[0], round(t[1] * 1e9), round(t[2] * 1e9)) for s in recorded for t in recorded[s]}
        trades = [m for m in ours[kind] if m["kind"] == "trade"]
        assert len(trades) > 500
        assert all((m["symbol"], m["event_ns"], m["px_e9"], m["qty_e9"]) in exact for m in trades)
    key = lambda m: (m["T"], m["S"], m["t"], m.get("i"))
    json_at = {key(m): m for m in streams["json"]}
    both = [m for m in streams["msgpack"] if key(m) in json_at]
    assert len(both) > 0.9 * min(map(len, streams.values())) > 2000 and {m["T"] for m in both} == {"t", "q", "b"}
    assert all(m == json_at[key(m)] for m in both)
    mine = lambda m: tuple(v for k, v in sorted(m.items()) if k != "frame")
    assert len(set(map(mine, ours["json"])) & set(map(mine, ours["msgpack"]))) >= len({key(m) for m in both})


def test_sessions_that_go_wrong(server, trust):
    async def talk():
        url = f"{server.stream}/v2/iex"
        async with websockets.connect(url, ssl=context(trust)) as one, websockets.connect(url, ssl=context(trust)) as two:
            await one.recv(), await two.recv()
            answers = []
            for ws, message in ((one, {"action": "subscribe", "trades": ["*"]}), (one, {"action": "auth", "key": KEY, "secret": "x"}),
                                (one, {"action": "auth", "key": KEY, "secret": SECRET}), (one, {"action": "auth", "key": KEY, "secret": SECRET}),
                                (two, {"action": "auth", "key": KEY, "secret": SECRET}), (one, {"action": "dance"}),
                                (one, {"action": "subscribe", "trades": [""]})):
                await ws.send(json.dumps(message))
                [answer] = json.loads(await ws.recv())
                answers.append(answer.get("code", answer.get("msg")))
            assert answers == [401, 402, "authenticated", 403, 406, 400, 400]
        with pytest.raises(websockets.InvalidStatus) as error:
            await websockets.connect(f"{server.stream}/v2/other", ssl=context(trust))
        assert error.value.response.status_code == 404
        with pytest.raises(ssl.SSLCertVerificationError):
            await websockets.connect(url, ssl=ssl.create_default_context())
    asyncio.run(talk())


def test_updates_of_orders_tell_their_lives(server, client, trust):
    heard = []

    async def on_update(update):
        heard.append(update)

    stream = TradingStream(KEY, SECRET, url_override=f"{server.stream}/stream", websocket_params={"ssl": context(trust)})
    stream.subscribe_trade_updates(on_update)
    orders = []

    def act():
        time.sleep(1)  # until it listens
        orders.append(client.submit_order(MarketOrderRequest(symbol=A, qty=7, side=BUY, time_in_force=DAY)))
        orders.append(client.submit_order(LimitOrderRequest(symbol=B, qty=2, side=BUY, time_in_force=DAY,
                                                            limit_price=near(server, B, -200))))
        settled(client, orders[1], "new")
        orders.append(client.replace_order_by_id(orders[1].id, ReplaceOrderRequest(qty=3)))
        settled(client, orders[2], "new")
        client.cancel_order_by_id(orders[2].id)

    actor = threading.Thread(target=act)
    actor.start()
    run_stream(stream, lambda: len(orders) == 3 and [u for u in heard if u.event == "canceled"])
    actor.join()
    lives = {o.id: [u.event for u in heard if u.order.id == o.id] for o in orders}
    assert lives[orders[0].id][0] == "new" and lives[orders[0].id][-1] == "fill"
    assert set(lives[orders[0].id][1:-1]) <= {"partial_fill"}
    assert lives[orders[1].id] == ["new", "replaced"] and lives[orders[2].id] == ["new", "canceled"]
    fills = [u for u in heard if u.event in ("fill", "partial_fill")]
    assert sum(u.qty for u in fills) == 7 == fills[-1].position_qty
    assert len({u.execution_id for u in heard}) == len(heard)
    assert {str(u.execution_id) for u in fills} == {
        f["id"].split("::")[1] for f in client.get("/account/activities/FILL")}, "fills have one id everywhere"
