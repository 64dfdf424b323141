"""Each fault that `ats venue --faults` can make, seen by a client; what it did to the account meanwhile."""
import asyncio
import json
import time

import pytest

pytest.importorskip("websockets")
import requests
import websockets

from conftest import ats
from venue import KEY, SECRET, venue

HEADERS = {"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": SECRET}
BUY = {"symbol": "SYN001", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"}


@pytest.fixture(scope="module")
def capture(work):
    path = work / "faults.cap"
    ats("synth", "-q", "-o", path, "--duration", "20m", "--rate", 400, "--symbols", 2, "--seed", 4)
    return path


@pytest.fixture
def broken(work, capture):
    """A venue with these faults."""
    import contextlib

    @contextlib.contextmanager
    def start(script, *options):
        (work / "faults.txt").write_text(script)
        with venue(capture, "--faults", work / "faults.txt", *options) as server:
            server.get = lambda path: requests.get(server.rest + path, headers=HEADERS, timeout=10)
            server.buy = lambda **more: requests.post(server.rest + "/v2/orders", json={**BUY, **more}, headers=HEADERS, timeout=10)
            server.by_client = lambda name: server.get(f"/v2/orders:by_client_order_id?client_order_id={name}")
            yield server
    return start


def wait_for_quotes(server):
    deadline = time.monotonic() + 20
    while "SYN001" not in server.get("/v2/stocks/quotes/latest?symbols=SYN001").json().get("quotes", {}):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_refused_call_has_not_been_done(broken):
    with broken("orders 1 status 429\norders 2 status 503\n") as server:
        wait_for_quotes(server)
        for status in (429, 503):
            answer = server.buy(client_order_id="again")
            assert (answer.status_code, answer.json()["code"]) == (status, status * 100000)
            assert server.by_client("again").status_code == 404
        assert server.buy(client_order_id="again").status_code == 200
        assert "faults   2 made" in server.end()


@pytest.mark.parametrize("fault", ["swallow", "cut 1", "cut 40", "garbage"])
def test_a_lost_answer_leaves_the_order_done(broken, fault):
    with broken(f"orders 1 {fault}\n") as server:
        wait_for_quotes(server)
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError,
                            requests.exceptions.InvalidHeader, requests.exceptions.JSONDecodeError)):
            server.buy(client_order_id="lost").json()
        assert server.by_client("lost").status_code == 200, "it was taken"
        again = server.buy(client_order_id="lost")
        assert again.status_code == 422 and again.json()["code"] == 40010001


def test_an_answer_comes_late(broken):
    with broken("orders 1 late 700ms\nrequest 2 late 300ms\n") as server:
        assert server.get("/v2/clock").status_code == 200
        start = time.monotonic()
        assert server.get("/v2/clock").status_code == 200
        assert time.monotonic() - start >= 0.3
        wait_for_quotes(server)
        start = time.monotonic()
        answer = server.buy(client_order_id="late")
        assert answer.status_code == 200 and time.monotonic() - start >= 0.7


async def updates(server, count, act, timeout=10):
    """What the stream of updates says, as texts; ends early when the connection does."""
    got = []
    async with websockets.connect(f"{server.stream}/stream") as ws:
        await ws.send(json.dumps({"action": "authenticate", "data": {"key_id": KEY, "secret_key": SECRET}}))
        await ws.recv()
        await ws.send(json.dumps({"action": "listen", "data": {"streams": ["trade_updates"]}}))
        await ws.recv()
        await asyncio.to_thread(act)
        try:
            while len(got) < count:
                got.append((await asyncio.wait_for(ws.recv(), timeout)))
        except websockets.ConnectionClosed:
            got.append("closed")
        except TimeoutError:
            got.append("silence")
    return got


def events(messages):
    names = []
    for m in messages:
        try:
            names.append(json.loads(m)["data"]["event"])
        except ValueError:
            names.append(m if isinstance(m, str) else "garbage")
    return names


@pytest.mark.parametrize("script, heard", [
    ("updates 3 drop", ["fill"]),
    ("updates 3 twice", ["new", "new", "fill"]),
    ("updates 3 swap", ["fill", "new"]),
    ("updates 3 garbage", ["garbage", "fill"]),
    ("updates 4 cut", ["new", "closed"]),
    ("updates 4 silent", ["new", "silence"]),
    ("updates 3 mute 1s", ["silence"]),
])
def test_updates_go_wrong(broken, script, heard):
    """The first two messages are answers to the client's own."""
    with broken(script + "\n") as server:
        wait_for_quotes(server)
        count = len([h for h in heard if h not in ("silence",)]) + heard.count("silence")
        got = asyncio.run(updates(server, count, lambda: server.buy(), 2 if "silence" in heard else 10))
        assert events(got) == heard
        order = server.get("/v2/orders?status=all").json()[0]
        assert order["status"] == "filled", "whatever was heard of it"


async def data(server, seconds):
    """Trades by id, and the longest time without one."""
    seen, longest, last = [], 0, None
    async with websockets.connect(f"{server.stream}/v2/iex") as ws:
        for message in ({"action": "auth", "key": KEY, "secret": SECRET}, {"action": "subscribe", "trades": ["*"]}):
            await ws.recv()
            await ws.send(json.dumps(message))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                frame = await asyncio.wait_for(ws.recv(), 0.1)
            except TimeoutError:
                continue
            for m in json.loads(frame):
                if m["T"] == "t":
                    now = time.monotonic()
                    longest, last = max(longest, now - (last or now)), now
                    seen.append((m["S"], m["i"]))
    return seen, longest


def test_market_data_is_mute_and_repeats_itself(broken):
    with broken("data 30 mute 1500ms\ndata every 7 twice\n", "--hold", "--speed", "10x") as server:
        seen, longest = asyncio.run(data(server, 5))
        assert longest >= 1.4
        assert len(seen) > len(set(seen)) > 50, "some came twice"


def test_a_client_that_does_not_read_is_let_go(broken):
    async def sleep_through_it(server):
        async with websockets.connect(f"{server.stream}/v2/iex", max_queue=1, max_size=None, ping_interval=None) as ws:
            for message in ({"action": "auth", "key": KEY, "secret": SECRET},
                            {"action": "subscribe", "trades": ["*"], "quotes": ["*"]}):
                await ws.recv()
                await ws.send(json.dumps(message))
            while (await asyncio.to_thread(server.get, "/v2/clock")).json()["timestamp"] < "2024-01-02T09:49":
                await asyncio.sleep(0.2)  # until all has been played
            with pytest.raises(websockets.ConnectionClosed):
                while True:
                    await asyncio.wait_for(ws.recv(), 20)
    with broken("# nothing\n", "--hold", "--speed", "5000x") as server:
        asyncio.run(sleep_through_it(server))
        assert server.get("/v2/clock").status_code == 200, "others are served"
        assert "1 let go for being slow" in server.end()


def test_a_bad_script_is_refused_with_its_line(work, capture):
    (work / "bad.txt").write_text("# one\ndata 3 explode\n")
    done = ats("venue", "--faults", work / "bad.txt", capture, check=False)
    assert done.returncode == 3 and "bad.txt:2: then comes drop, twice" in done.stderr
