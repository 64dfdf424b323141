"""The portfolio against an exact model of its rules: fractions, plain lists, and no running sums.

ATS_PORTFOLIO_EVENTS sets the number of events (20,000 without it; a million takes minutes)."""
import os
import random
import subprocess
from fractions import Fraction

import pytest

E9, E18 = 10**9, 10**18
DRIVER = os.environ.get("PORTFOLIO_STATE", "build/release/tests/portfolio_state")
EVENTS = int(os.environ.get("ATS_PORTFOLIO_EVENTS", "20000"))
START = 1_000_000 * E9


class Book:
    """One symbol's position from its events; exact = nothing is ever rounded."""

    def __init__(self, exact):
        self.exact = exact
        self.qty, self.cost, self.realized, self.fifo, self.fees = 0, 0, 0, 0, 0
        self.lots = []  # [quantity, cost, price or None]

    def copy(self):
        other = Book(self.exact)
        other.__dict__.update(self.__dict__)
        other.lots = [list(lot) for lot in self.lots]
        return other

    def part(self, amount, numerator, denominator):
        share = Fraction(amount) * numerator / denominator
        return share if self.exact else round(share)  # half to even

    def take(self, qty):
        cost = 0
        while qty:
            lot = self.lots[0]
            if qty >= lot[0]:
                qty -= lot[0]
                cost += lot[1]
                self.lots.pop(0)
            else:
                share = self.part(lot[1], qty, lot[0])
                lot[0] -= qty
                lot[1] -= share
                return cost + share
        return cost

    def trade(self, qty, px):
        """Returns whether the position came back to nothing on the way."""
        ended = False
        if self.qty and (self.qty > 0) != (qty > 0):
            closed = min(abs(qty), abs(self.qty))
            sign = 1 if self.qty > 0 else -1
            income = sign * closed * px
            cost = self.part(self.cost, closed, abs(self.qty))
            self.cost -= cost
            self.realized += income - cost
            self.fifo += income - sign * self.take(closed)
            self.qty -= sign * closed
            qty += sign * closed
            ended = self.qty == 0
        if qty:
            self.qty += qty
            self.cost += qty * px
            if self.lots and self.lots[-1][2] == px:
                self.lots[-1][0] += abs(qty)
                self.lots[-1][1] += abs(qty) * px
            else:
                self.lots.append([abs(qty), abs(qty) * px, px])
        return ended

    def apply(self, e):
        if e[0] == "F":
            self.fees += e[3] * E9
            return self.trade(e[1], e[2])
        if e[0] == "S" and self.qty:
            _, new, old, lot, px = e
            sign = 1 if self.qty > 0 else -1
            seen = kept = 0
            left, carried = [], 0
            for qty, cost, _ in self.lots:
                seen += qty
                carried += cost
                if seen * new // old > kept:
                    left.append([seen * new // old - kept, carried, None])
                    kept, carried = seen * new // old, 0
            if not left:
                self.realized -= self.cost
                self.fifo -= sign * carried
                self.qty, self.cost, self.lots = 0, 0, []
                return True
            left[-1][1] += carried
            self.lots, self.qty = left, sign * kept
            if kept % lot:
                return self.trade(-sign * (kept % lot), px)
        return False


class Model:
    def __init__(self, symbols, kept, exact):
        self.kept, self.exact, self.count = kept, exact, 0
        self.events = {s: [] for s in range(1, symbols + 1)}  # [place in the account, event]
        self.snaps = {s: [(0, Book(exact))] for s in self.events}
        self.book = {s: Book(exact) for s in self.events}
        self.mark = dict.fromkeys(self.events, 0)
        self.dividends = dict.fromkeys(self.events, 0)
        self.borrow = dict.fromkeys(self.events, 0)
        self.deposits = self.fills = self.trips = self.winners = self.streak = 0
        self.busts = self.corrections = self.unknown = 0
        self.trip = dict.fromkeys(self.events, 0)  # realised - fees when the position was last flat
        self.high = START * E9

    def cash(self):
        flows = sum(b.realized - b.fees - b.cost for b in self.book.values())
        return START * E9 + self.deposits + flows + sum(self.dividends.values()) - sum(self.borrow.values())

    def net(self):
        return sum(b.qty * self.mark[s] for s, b in self.book.items())

    def raise_high(self):
        self.high = max(self.high, self.cash() + self.net())

    def add(self, s, e):
        book = self.book[s]
        ended = book.apply(e)
        self.events[s].append([self.count, e])
        self.count += 1
        if len(self.events[s]) % 32 == 0:
            self.snaps[s].append((len(self.events[s]), book.copy()))
            del self.snaps[s][1:-64]
        if ended:
            gain = book.realized - book.fees - self.trip[s]
            self.trips += 1
            self.winners += gain > 0
            self.streak = 0 if gain > 0 else self.streak + (gain < 0)
            self.trip[s] = book.realized - book.fees
        self.raise_high()

    def find(self, s, exec_id):
        for i in range(len(self.events[s]) - 1, -1, -1):
            place, e = self.events[s][i]
            if place < self.count - self.kept:
                break
            if e[0] == "F" and e[4] == exec_id:
                return i
        self.unknown += 1
        return None

    def rebuild(self, s, i):
        snaps = self.snaps[s]
        while snaps[-1][0] > i:
            snaps.pop()
        at, book = snaps[-1]
        book = book.copy()
        flat = None
        for n, (_, e) in enumerate(self.events[s][at:], at):
            if book.apply(e):
                flat = book.realized - book.fees
            if (n + 1) % 32 == 0:
                snaps.append((n + 1, book.copy()))
        self.book[s] = book
        return flat

    def retrip(self, s):
        """Realised - fees when the position was last flat, from the first event on."""
        book, flat = Book(self.exact), 0
        for _, e in self.events[s]:
            if book.apply(e):
                flat = book.realized - book.fees
        self.trip[s] = flat

    def account(self):
        books = self.book.values()
        values = {s: b.qty * self.mark[s] for s, b in self.book.items()}
        v = dict(cash=self.cash(), net=self.net(), gross=sum(map(abs, values.values())),
                 short=-sum(x for x in values.values() if x < 0), high=self.high,
                 realized=sum(b.realized for b in books), fifo=sum(b.fifo for b in books),
                 fees=sum(b.fees for b in books), dividends=sum(self.dividends.values()),
                 borrow=sum(self.borrow.values()), deposits=self.deposits,
                 open=sum(b.qty != 0 for b in books),
                 fills=self.fills, trips=self.trips, winners=self.winners,
                 streak=self.streak, busts=self.busts, corrections=self.corrections,
                 unknown=self.unknown, joined=0)
        return [("A", None)] + list(v.items())

    def holding(self, s):
        b = self.book[s]
        v = [("qty", b.qty), ("mark", self.mark[s]), ("cost", b.cost), ("realized", b.realized),
             ("fifo", b.fifo), ("fees", b.fees), ("dividends", self.dividends[s]),
             ("borrow", self.borrow[s])]
        for qty, cost, _ in b.lots:
            v += [("lot", qty), ("at", cost)]
        return [("H", None)] + v


def make(seed, count, symbols, kept, exact):
    """Random events, and what the model says at every place where the driver prints."""
    rng, model, lines, expected = random.Random(seed), Model(symbols, kept, exact), [], []
    execs, recent = 0, []

    def fill(s, qty, px):
        nonlocal execs
        execs += 1
        fee = rng.randrange(0, 2 * E9)
        lines.append(f"F {s} {qty} {px} {fee} {execs}")
        if model.mark[s] == 0:
            model.mark[s] = px
        model.fills += 1
        recent.append((s, execs, qty))
        del recent[:-3 * kept]
        model.add(s, ("F", qty, px, fee, execs))

    for n in range(count):
        s = rng.randrange(1, symbols + 1)
        b, what = model.book[s], rng.random()
        px = rng.choice([rng.randrange(1, 500 * E9), rng.randrange(90, 110) * E9])
        if what < 0.40 or model.mark[s] == 0:
            qty = rng.choice([rng.randrange(1, 1000) * E9, rng.randrange(1, 10**12)])
            qty = rng.choice([qty, -qty])
            if b.qty and rng.random() < 0.35:
                qty = -b.qty
            fill(s, qty, px)
        elif what < 0.70:
            lines.append(f"M {s} {px}")
            model.mark[s] = px
            model.raise_high()
        elif what < 0.78 and recent:
            s, exec_id, qty = rng.choice(recent) if rng.random() < 0.97 else (s, execs + 7, 1)
            if rng.random() < 0.5:
                lines.append(f"B {s} {exec_id}")
                i = model.find(s, exec_id)
                if i is not None:
                    model.events[s][i][1] = ("V",)
                    model.fills -= 1
                    model.busts += 1
            else:
                qty = rng.randrange(1, 10**12) * (1 if qty > 0 else -1)
                fee = rng.randrange(0, E9)
                lines.append(f"C {s} {exec_id} {qty} {px} {fee}")
                i = model.find(s, exec_id)
                if i is not None:
                    model.events[s][i][1] = ("F", qty, px, fee, exec_id)
                    model.corrections += 1
            if i is not None:
                flat = model.rebuild(s, i)
                if flat is None:
                    model.retrip(s)
                else:
                    model.trip[s] = flat
                model.raise_high()
        elif what < 0.80:
            new, old = rng.choice([(2, 1), (4, 1), (1, 8), (3, 2), (1, 3), (7, 5), (1, 1000000)])
            lot = rng.choice([1, 10**6, E9])
            if abs(b.qty) * new // old < 2**60 and model.mark[s] * old // new < 2**60:
                lines.append(f"S {s} {new} {old} {lot}")
                mark = max(1, round(Fraction(model.mark[s] * old, new)))
                model.mark[s] = mark
                model.add(s, ("S", new, old, lot, mark))
        elif what < 0.83:
            cash = rng.randrange(0, 3 * E9)
            lines.append(f"D {s} {cash}")
            model.dividends[s] += cash * b.qty
            model.raise_high()
        elif what < 0.86:
            rate, days = rng.randrange(0, 5000), rng.randrange(1, 5)
            lines.append(f"R {s} {rate} {days}")
            if b.qty < 0:
                fee = Fraction(-b.qty * model.mark[s] * rate * days, 3_600_000)
                model.borrow[s] += fee if exact else round(fee)
        elif what < 0.87:
            amount = rng.randrange(-1000 * E9, 1000 * E9)
            lines.append(f"T {amount}")
            model.deposits += amount * E9
            model.high += amount * E9
        elif what < 0.875:
            lines.append("N")
            model.high = model.cash() + model.net()
        if n % 5 == 0:
            lines.append("A")
            expected.append(model.account())
        if n % 3 == 0:
            lines.append(f"H {s}")
            expected.append(model.holding(s))
    return lines, expected


def run(lines, symbols, kept):
    done = subprocess.run([DRIVER, str(symbols), str(kept), str(START)], input="\n".join(lines) + "\n",
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("seed,kept", [(1, 1024), (2, 16)])
def test_every_figure_is_the_model_s_to_the_last_unit(seed, kept):
    lines, expected = make(seed, EVENTS // 2, 12, kept, False)
    printed = run(lines, 12, kept)
    assert len(printed) == len(expected)
    for n, (line, want) in enumerate(zip(printed, expected)):
        text = " ".join([want[0][0]] + [f"{k}={v}" for k, v in want[1:]])
        assert line == text, f"print {n}"


@pytest.mark.parametrize("seed", range(20))
def test_rounding_never_comes_to_a_billionth(seed):
    """Against fractions that are never rounded; short, since their denominators grow without end."""
    lines, expected = make(100 + seed, 150, 3, 64, True)
    for line, want in zip(run(lines, 3, 64), expected):
        have = [p.split("=") for p in line.split()[1:]]
        assert [k for k, _ in have] == [k for k, _ in want[1:]]
        for (key, value), (_, exact) in zip(have, want[1:]):
            assert abs(int(value) - exact) < E9 // 1000, f"{key}: {value} {float(exact)}"


def test_the_driver_tells_a_bad_event():
    done = subprocess.run([DRIVER, "2", "16", "1"], input="F 9 1 1 1 1\n", capture_output=True, text=True)
    assert done.returncode == 4 and "line 1" in done.stderr
