"""`ats decode` against Python's json, decimal and msgpack: every sample message of the protocol notes, and
random ones in both formats of Alpaca's."""
import decimal
import json
import os
import random
import struct

import msgpack
import pytest

import feed_reference as reference
from conftest import DATA, ats

NOTES = DATA.parent / "protocols"
SYMBOLS = "AAPL,AMD,SPY,IONM,INAQU,GOOGL,EEM,MSFT,SPCE,GTE,NTEST.Q,BRK.A,LONGSYMBOL123"
MESSAGES = int(os.environ.get("ATS_DECODE_MESSAGES", "100000"))


def decode(format_name, lines, *options):
    """What the program prints for each line: messages, and reasons of refusal."""
    done = ats("decode", format_name, "--quiet", *options, input="".join(line + "\n" for line in lines))
    frames = [[] for _ in lines]
    for line in done.stdout.splitlines():
        out = json.loads(line)
        frames[out.pop("frame") - 1].append(out["refused"] if "refused" in out else out)
    return frames


def expected(read, messages):
    out = []
    for message in messages:
        try:
            out.append(read(message))
        except reference.Refused as refused:
            out.append(str(refused))
    return out


def fragments(name):
    """All JSON texts of a note: lines of its blocks, and what stands between backticks."""
    path = NOTES / name
    if not path.exists():
        pytest.skip(f"the protocol notes are not here: {path}")
    found = []
    for line in path.read_text().splitlines():
        candidates = [line.strip(), line.lstrip("< ").strip(), *line.split("`")[1::2]]
        for text in candidates:
            if text[:1] not in "[{" or not text:
                continue
            try:
                value = reference.loads(text)
            except ValueError:
                continue
            if (text, value) not in found:
                found.append((text, value))
    return found


def with_key(value, *keys):
    """Is it a message, or an array of messages, with one of these keys?"""
    inside = value if isinstance(value, list) else [value]
    return bool(inside) and all(isinstance(m, dict) and any(k in m for k in keys) for m in inside)


def check_samples(name, format_name, read, least, select):
    samples = [(text, value) for text, value in fragments(name) if select(value)]
    assert len(samples) >= least, f"{len(samples)} samples in {name}"
    for options in ([], ["--general"], ["--symbols", SYMBOLS]):
        frames = decode(format_name, [text for text, _ in samples], *options)
        for (text, value), got in zip(samples, frames):
            want = expected(read, value if isinstance(value, list) else [value])
            if format_name == "tiingo":
                for m in got:
                    m.update({"symbol": m["symbol"].upper()} if m.get("symbol") else {})
            assert got == want, text


def test_alpaca_samples():
    check_samples("alpaca_market_data.md", "alpaca-json", reference.alpaca, 14, lambda v: with_key(v, "T"))


def test_polygon_samples():
    check_samples("polygon.md", "polygon", reference.polygon, 9, lambda v: with_key(v, "ev"))


def test_tiingo_samples():
    check_samples("tiingo_iex.md", "tiingo", reference.tiingo, 7, lambda v: with_key(v, "messageType"))


def test_order_samples():
    def read(value):
        return expected(reference.update, [value])

    samples = [(t, v) for t, v in fragments("alpaca_trading.md") if with_key(v, "stream") and not isinstance(v, list)]
    assert len(samples) >= 4
    for (text, value), got in zip(samples, decode("alpaca-updates", [t for t, _ in samples])):
        assert got == read(value), text
    packed = [msgpack.packb(json.loads(text)).hex() for text, _ in samples]
    for (text, value), got in zip(samples, decode("alpaca-updates-msgpack", packed)):
        assert got == read(value), text
    orders = [(t, v) for t, v in fragments("alpaca_trading.md") if with_key(v, "client_order_id")]
    assert orders
    for text, value in orders:
        for line in (text, f"[{text},{text}]"):
            got = decode("alpaca-orders", [line])[0]
            assert got == [reference.order(value)] * len(got) and got, text


# ---- random messages ---------------------------------------------------------------------------------

class Maker:
    """Messages of Alpaca's stream, most of them good, by a seed."""

    def __init__(self, seed):
        self.r = random.Random(seed)

    def price(self):
        digits = self.r.choice([0, 1, 2, 2, 2, 3, 4, 6, 9, 10])
        value = decimal.Decimal(self.r.randrange(0, 10 ** self.r.randrange(3, 13))).scaleb(-digits)
        return value if self.r.random() < 0.97 else self.r.choice([None, "1", -value, True, decimal.Decimal("1e12")])

    def size(self):
        return self.r.choice([self.r.randrange(1000), self.r.randrange(10**9), 100 * self.r.randrange(50)])

    def time(self):
        text = f"20{self.r.randrange(20, 30)}-{self.r.randrange(1, 13):02}-{self.r.randrange(1, 30):02}T" \
               f"{self.r.randrange(24):02}:{self.r.randrange(60):02}:{self.r.randrange(60):02}"
        fraction = f"{self.r.randrange(10**9):09}"[:self.r.randrange(10)].rstrip("0")
        return text + (f".{fraction}" if fraction else "") + self.r.choice(["Z"] * 20 + ["-04:00"])

    def letter(self):
        return self.r.choice("ABCDKPQVZ ")

    def letters(self):
        count = self.r.choice([0, 1, 1, 1, 2, 3, 4, 4, 5])
        return [self.r.choice("@FTIR X7") for _ in range(count)] if self.r.random() < 0.98 else None

    def message(self):
        kind = self.r.choice("qqqqqttttbbudslixc")
        name = self.r.choice([*SYMBOLS.split(","), "NOTKNOWN", "TOO LONG FOR A SYMBOL TEXT"])
        m = {"T": kind, "S": name}
        if kind == "q":
            m.update(bx=self.letter(), bp=self.price(), bs=self.size(), ax=self.letter(), ap=self.price(),
                     **{"as": self.size()}, c=self.letters(), z=self.letter())
        elif kind in "tx":
            m.update(i=self.r.randrange(2**63), x=self.letter(), p=self.price(), s=self.size(), z=self.letter())
            m.update(a=self.r.choice("CE")) if kind == "x" else m.update(c=self.letters())
        elif kind in "bud":
            m.update(o=self.price(), h=self.price(), l=self.price(), c=self.price(), v=self.size(),
                     n=self.size(), vw=self.price())
        elif kind == "s":
            m.update(sc=self.r.choice("HTPQ23E5F"), sm="Trading Halt", rc="T12", rm="for news", z=self.letter())
        elif kind == "l":
            m.update(u=self.price(), d=self.price(), i=self.letter(), z=self.letter())
        elif kind == "i":
            m.update(p=self.price(), z=self.letter())
        else:
            m.update(x=self.letter(), oi=self.r.randrange(2**50), op=self.price(), os=self.size(), oc=self.letters(),
                     ci=self.r.randrange(2**50), cp=self.price(), cs=self.size(), cc=self.letters(), z=self.letter())
        m["t"] = self.time()
        if self.r.random() < 0.1:
            m["r"] = {"received": [1, {"x": None}]}
        if self.r.random() < 0.02:
            del m[self.r.choice(list(m))]
        if self.r.random() < 0.2:
            keys = list(m)
            self.r.shuffle(keys)
            m = {k: m[k] for k in keys}
        return m

    def text(self, m):
        blank = self.r.choice(["", "", "", " "])
        inside = ("," + blank).join(f'"{k}":{blank}{self.value_text(v)}' for k, v in m.items())
        return "{" + blank + inside + "}"

    @staticmethod
    def value_text(v):
        return format(v, "f") if isinstance(v, decimal.Decimal) else json.dumps(v, separators=(",", ":"))

    def packable(self, m):
        """The message as msgpack gives it: doubles, and times as extensions."""
        out = {k: float(v) if isinstance(v, decimal.Decimal) else v for k, v in m.items()}
        if "t" in out and out["t"].endswith("Z") and self.r.random() < 0.9:
            ns = reference.time_ns(out["t"])
            out["t"] = msgpack.Timestamp(ns // 10**9, ns % 10**9)
        return out


def frames_of(maker):
    made = 0
    while made < MESSAGES:
        count = maker.r.randrange(1, 21)
        made += count
        yield [maker.message() for _ in range(count)]


def counted(want):
    """Of a random frame, the messages in order and the reasons in any."""
    return [m for m in want if isinstance(m, dict)], sorted(m for m in want if isinstance(m, str))


def possible(m):
    try:
        if "t" in m:
            reference.time_ns(m["t"])
        return True
    except reference.Refused:
        return False


def test_random_json():
    maker = Maker(1)
    frames = [[m for m in frame if possible(m)] for frame in frames_of(maker)]
    lines = ["[" + ",".join(maker.text(m) for m in frame) + "]" for frame in frames]
    taken = 0
    for line, frame, got in zip(lines, frames, decode("alpaca-json", lines, "--symbols", SYMBOLS)):
        want = expected(reference.alpaca, [reference.loads(maker.text(m)) for m in frame])
        assert counted(got) == counted(want), line
        taken += len(counted(got)[0])
    assert taken > MESSAGES // 3


def test_random_msgpack():
    maker = Maker(2)
    frames = [[maker.packable(m) for m in frame if possible(m)] for frame in frames_of(maker)]
    lines = [msgpack.packb(frame).hex() for frame in frames]
    taken = 0
    for line, frame, got in zip(lines, frames, decode("alpaca-msgpack", lines, "--symbols", SYMBOLS)):
        want = expected(reference.alpaca, frame)
        assert counted(got) == counted(want), frame
        taken += len(counted(got)[0])
    assert taken > MESSAGES // 3


def test_floats_are_their_shortest_text():
    r = random.Random(3)
    for _ in range(300):
        value = struct.unpack("f", struct.pack("f", r.choice([0.1, 0.25, 87.66, r.random() * 1000])))[0]
        text = reference.shortest_float(value)
        frame = [{"T": "i", "S": "AAPL", "p": value, "t": "2026-01-05T14:30:00Z"}]
        packed = msgpack.packb(frame, use_single_float=True).hex()
        want = expected(reference.alpaca, [{**frame[0], "p": text}])
        assert decode("alpaca-msgpack", [packed])[0] == want, value
