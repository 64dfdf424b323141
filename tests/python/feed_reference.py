"""The messages of live feeds as Python reads them: json with decimal.Decimal, or msgpack, and the rules
that the headers in io/codec/live state. Each function gives what `ats decode` prints, or a Refused."""
import datetime
import decimal
import json
import re
import struct

E9 = 10**9
VALUE_MAX, VOLUME_MAX = 10**18, 9 * 10**18
TIME_MIN, TIME_MAX = 315532800 * E9, 7258118400 * E9
decimal.getcontext().prec = 60


class Refused(Exception):
    """What is refused, by the label of its reason."""


def shortest(value):
    """A double as the decimal that its shortest text is."""
    return decimal.Decimal(repr(value))


def shortest_float(value):
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        if struct.unpack("f", struct.pack("f", float(text)))[0] == value:
            return decimal.Decimal(text)
    raise AssertionError(value)


def number(value, most=VALUE_MAX, rounded=False, texts=False, signed=False):
    if value is None:
        raise Refused("field")
    if texts and isinstance(value, str):
        if not re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", value):
            raise Refused("number")
        value = decimal.Decimal(value)
    if isinstance(value, bool) or not isinstance(value, (int, float, decimal.Decimal)):
        raise Refused("number")
    if isinstance(value, float):
        value = shortest(value)
    scaled = decimal.Decimal(value) * E9
    units = scaled.to_integral_value(decimal.ROUND_HALF_UP if rounded else decimal.ROUND_HALF_EVEN)
    if abs(scaled) > most and (rounded or abs(units) > VALUE_MAX):
        raise Refused("range")
    if not rounded and units != scaled:
        raise Refused("precision")
    if abs(units) > most:
        raise Refused("range")
    if units < 0 and not signed:
        raise Refused("negative")
    return int(units)


def positive(value):
    units = number(value)
    if units == 0:
        raise Refused("zero")
    return units


def whole(value, most=2**64 - 1):
    if value is None:
        raise Refused("field")
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Refused("number")
    if value > most:
        raise Refused("range")
    return value


def time_ns(value):
    """RFC 3339 text, or a msgpack.Timestamp."""
    if value is None:
        raise Refused("field")
    if hasattr(value, "to_unix_nano"):
        return checked_time(value.to_unix_nano())
    found = isinstance(value, str) and re.fullmatch(
        r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", value)
    if not found:
        raise Refused("time")
    year, month, day, hour, minute, second = (int(found.group(i)) for i in range(1, 7))
    try:
        when = datetime.datetime(year, month, day, hour, minute, second)
    except ValueError as error:
        raise Refused("time") from error
    zone = found.group(8)
    offset = 0 if zone == "Z" else int(zone[0] + "1") * (int(zone[1:3]) * 60 + int(zone[4:6])) * 60
    seconds = (when - datetime.datetime(1970, 1, 1)) // datetime.timedelta(seconds=1) - offset
    return checked_time(seconds * E9 + int((found.group(7) or "0").ljust(9, "0")))


def checked_time(ns):
    if not TIME_MIN <= ns < TIME_MAX:
        raise Refused("time")
    return ns


def magnitude_ns(value):
    if value is None:
        raise Refused("field")
    scale = {13: 10**6, 16: 10**3, 19: 1}.get(len(str(value)))
    if not isinstance(value, int) or value < 0 or scale is None or value > 2**63 - 1:
        raise Refused("time")
    return checked_time(value * scale)


def letter(value):
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > 1 or not all(" " <= c <= "~" for c in value):
        raise Refused("field")
    return value.strip()


def conditions(value):
    if value is None:
        return "    "
    if not isinstance(value, list) or len(value) > 4 or not all(isinstance(c, str) for c in value):
        raise Refused("field")
    return "".join(letter(c) or " " for c in value).ljust(4)


def symbol(value):
    if not isinstance(value, str) or not 1 <= len(value) <= 23 or re.search(r'[^!-~]|[",\\]', value):
        raise Refused("symbol")
    return value


def sides(bid, bid_size, ask, ask_size, flags):
    if bid == 0 or ask == 0:
        flags |= 8
    elif bid >= ask:
        flags |= 2 if bid == ask else 4
    return {"bid_e9": bid, "bid_size_e9": bid_size if bid else 0, "ask_e9": ask,
            "ask_size_e9": ask_size if ask else 0, "quote_flags": flags}


# ---- Alpaca market data ---------------------------------------------------------------------------

SOURCE = {"source": "alpaca"}
CHANNELS = ["trades", "quotes", "bars", "updatedBars", "dailyBars", "statuses", "lulds", "imbalances",
            "corrections", "cancelErrors"]


def alpaca_quote(m):
    prices = sides(number(m.get("bp")), number(m.get("bs")), number(m.get("ap")), number(m.get("as")), 1)
    venues = {"venue": "", "bid_venue": letter(m.get("bx")), "ask_venue": letter(m.get("ax"))}
    c = conditions(m.get("c"))
    kept = c[1] if c[0] == "R" and c[1] != " " else c[0]
    return {"kind": "quote", **prices, **venues, "condition": kept.strip(), "venue_seq": 0, **SOURCE}


def alpaca_trade(m):
    return {"kind": "trade", "px_e9": positive(m.get("p")), "qty_e9": positive(m.get("s")),
            "trade_id": whole(m.get("i")), "venue_seq": 0, "venue": letter(m.get("x")),
            "condition": conditions(m.get("c")), **SOURCE}


def alpaca_bar(m):
    return {"kind": {"b": "bar", "u": "bar_updated", "d": "bar_daily"}[m["T"]],
            "open_e9": number(m.get("o")), "high_e9": number(m.get("h")), "low_e9": number(m.get("l")),
            "close_e9": number(m.get("c")), "volume_e9": number(m.get("v"), VOLUME_MAX, rounded=True),
            "vwap_e9": number(m["vw"], rounded=True) if m.get("vw") is not None else 0,
            "period_s": 86400 if m["T"] == "d" else 60,
            "trade_count": whole(m["n"], 2**32 - 1) if m.get("n") is not None else 0}


def alpaca_status(m):
    if not isinstance(m.get("sc"), str):
        raise Refused("field")
    code = {"2": "halt", "H": "halt", "P": "halt", "3": "resume", "T": "resume",
            "E": "short_restricted"}.get(m["sc"], "none")
    return {"kind": "status" if code != "none" else "status_other", "code": code, **SOURCE,
            "status_code": m["sc"], "status_text": m.get("sm"), "reason_code": m.get("rc"),
            "reason_text": m.get("rm")}


def alpaca_band(m):
    return {"kind": "band", "high_e9": number(m.get("u")), "low_e9": number(m.get("d")), "venue_seq": 0,
            "indicator": letter(m.get("i")), "tape": letter(m.get("z")), **SOURCE}


def alpaca_imbalance(m):
    return {"kind": "imbalance", "px_e9": number(m.get("p")), "imbalance_e9": 0, "paired_e9": 0,
            "venue_seq": 0, "auction_hhmm": 0, "auction": "", "tape": letter(m.get("z")), **SOURCE}


def alpaca_cancel(m):
    return {"kind": "cancel", "px_e9": positive(m.get("p")), "qty_e9": positive(m.get("s")),
            "trade_id": whole(m.get("i")), "venue": letter(m.get("x")), "action": letter(m.get("a")),
            "tape": letter(m.get("z")), **SOURCE}


def alpaca_correction(m):
    return {"kind": "correction", "original_id": whole(m.get("oi")), "original_px_e9": positive(m.get("op")),
            "original_qty_e9": positive(m.get("os")), "corrected_id": whole(m.get("ci")),
            "corrected_px_e9": positive(m.get("cp")), "corrected_qty_e9": positive(m.get("cs")),
            "original_condition": conditions(m.get("oc")), "corrected_condition": conditions(m.get("cc")),
            "venue": letter(m.get("x")), "tape": letter(m.get("z")), **SOURCE}


def alpaca_session(m):
    out = {"kind": "session", "message": {"subscription": "subscription", "error": "error"}.get(m["T"], "other"),
           "code": whole(m.get("code"), 999999) if m["T"] == "error" else 0, "text": m.get("msg"), **SOURCE}
    if m["T"] == "success" and m.get("msg") in ("connected", "authenticated"):
        out["message"] = m["msg"]
    if m["T"] == "subscription":
        out.update({c: m.get(c) or [] for c in CHANNELS})
    return out


ALPACA = {"q": alpaca_quote, "t": alpaca_trade, "b": alpaca_bar, "u": alpaca_bar, "d": alpaca_bar,
          "s": alpaca_status, "l": alpaca_band, "i": alpaca_imbalance, "x": alpaca_cancel,
          "c": alpaca_correction}


def alpaca(m):
    if not isinstance(m, dict) or not isinstance(m.get("T"), str):
        raise Refused("field")
    if m["T"] in ("success", "error", "subscription"):
        return alpaca_session(m)
    if m["T"] not in ALPACA:
        raise Refused("ignored")
    head = {"event_ns": time_ns(m.get("t")), "symbol": symbol(m.get("S"))}
    return {**ALPACA[m["T"]](m), **head}


# ---- Polygon ---------------------------------------------------------------------------------------

EXCHANGES = "\0ABCDEIJKMNPTSLVWXYZHU"
CONDITIONS = {0: "@", 1: "A", 2: "W", 4: "B", 5: "G", 7: "C", 8: "6", 9: "X", 10: "4", 11: "D", 12: "T",
              13: "U", 14: "F", 15: "M", 16: "Q", 20: "N", 21: "H", 22: "P", 37: "I", 41: ""}
POLYGON = {"source": "polygon"}


def exchange(m, key):
    n = whole(m.get(key, 0))
    return EXCHANGES[n].strip("\0") if n < len(EXCHANGES) else ""


def polygon(m):
    if not isinstance(m, dict) or not isinstance(m.get("ev"), str):
        raise Refused("field")
    event = m["ev"]
    if event == "status":
        words = {"connected": "connected", "auth_success": "authenticated", "auth_failed": "auth_failed",
                 "auth_timeout": "error", "auth_required": "error", "max_connections": "error", "error": "error"}
        return {"kind": "session", "message": words.get(m.get("status"), "other"), "code": 0,
                "text": m.get("message"), **POLYGON}
    if event not in ("T", "Q", "A", "AM", "LULD", "NOI", "FMV"):
        raise Refused("ignored")
    head = {"event_ns": magnitude_ns(m.get("s" if event in ("A", "AM") else "t")),
            "symbol": symbol(m.get("T" if event in ("LULD", "NOI") else "sym"))}
    zero = {**{k: 0 for k in ("p", "s", "bp", "bs", "ap", "as", "o", "h", "l", "c", "v", "vw", "b", "q")}, **m}
    if event == "T":
        qty = number(m["ds"], texts=True) if m.get("ds") is not None else number(zero["s"])
        if number(zero["p"]) == 0 or qty == 0:
            raise Refused("zero")
        letters = "".join(CONDITIONS.get(c, "?") for c in m.get("c", []))
        if len(letters) > 4:
            raise Refused("field")
        trade_id = m.get("i", 0)
        if isinstance(trade_id, str):
            trade_id = int(trade_id) if re.fullmatch(r"\d{1,19}", trade_id) else 0
        return {"kind": "trade", **head, "px_e9": number(zero["p"]), "qty_e9": qty, "trade_id": trade_id,
                "venue_seq": whole(zero["q"]), "venue": exchange(m, "x"), "condition": letters.ljust(4), **POLYGON}
    if event == "Q":
        return {"kind": "quote", **head, "venue": "", "bid_venue": exchange(m, "bx"),
                "ask_venue": exchange(m, "ax"), "condition": "", "venue_seq": whole(zero["q"]), **POLYGON,
                **sides(number(zero["bp"]), number(zero["bs"]), number(zero["ap"]), number(zero["as"]), 1)}
    if event in ("A", "AM"):
        period = 1 if event == "A" else 60
        if magnitude_ns(m.get("e")) - head["event_ns"] != period * E9:
            raise Refused("time")
        return {"kind": "bar", **head, "open_e9": number(zero["o"]), "high_e9": number(zero["h"]),
                "low_e9": number(zero["l"]), "close_e9": number(zero["c"]),
                "volume_e9": number(zero["v"], VOLUME_MAX, rounded=True),
                "vwap_e9": number(zero["vw"], rounded=True), "period_s": period, "trade_count": 0}
    if event == "LULD":
        return {"kind": "band", **head, "low_e9": number(zero["l"]), "high_e9": number(zero["h"]),
                "venue_seq": whole(zero["q"]), "indicator": "", "tape": " ABC"[m.get("z", 0)].strip(), **POLYGON}
    if event == "NOI":
        return {"kind": "imbalance", **head, "px_e9": number(zero["b"]), "imbalance_e9": number(zero["o"]),
                "paired_e9": number(zero["p"]), "venue_seq": whole(m.get("i", 0)),
                "auction_hhmm": whole(m.get("at", 0), 2359), "auction": letter(m.get("a")), "tape": "", **POLYGON}
    return {"kind": "reference", **head, "px_e9": number(m.get("fmv"), rounded=True), **POLYGON}


# ---- Tiingo -----------------------------------------------------------------------------------------

TIINGO = {"source": "tiingo"}


def tiingo(m):
    kind, data, response = m.get("messageType"), m.get("data"), m.get("response", {})
    if kind in ("I", "H", "E"):
        code = response.get("code", 0)
        fine = code in (0, 200) and kind != "E"
        subscription = int(data["subscriptionId"]) if isinstance(data, dict) and "subscriptionId" in data else 0
        out = {"kind": "session", "code": 0 if fine else code, "text": response.get("message"), **TIINGO,
               "message": "error" if not fine else "heartbeat" if kind == "H"
               else "subscription" if subscription else "other"}
        return {**out, "subscription_id": subscription} if subscription else out
    if kind != "A" or m.get("service") not in ("iex", "cons"):
        raise Refused("ignored")
    if len(data) == 3:
        return {"kind": "reference", "event_ns": time_ns(data[0]), "symbol": data[1].upper(),
                "px_e9": number(data[2], rounded=True), **TIINGO}

    def or_none(*positions):
        return [0 if data[i] is None else number(data[i]) for i in positions]

    if len(data) == 8:
        return {"kind": "quote", "event_ns": time_ns(data[0]), "symbol": data[1].upper(), "venue": "",
                "bid_venue": "", "ask_venue": "", "condition": "", "venue_seq": 0, **TIINGO,
                **sides(*or_none(4, 3, 6, 7), 1)}
    head = {"event_ns": checked_time(data[2]), "symbol": data[3].upper(), **TIINGO}
    if data[0] == "Q":
        return {"kind": "quote", **head, "venue": "V", "bid_venue": "V", "ask_venue": "V", "condition": "",
                "venue_seq": 0, **sides(*or_none(5, 4, 7, 8), 16 if data[11] else 0)}
    traded = {"px_e9": positive(data[9]), "qty_e9": positive(data[10]), "trade_id": 0, "venue": "V"}
    if data[0] == "B":
        return {"kind": "cancel", **head, **traded, "action": "B", "tape": ""}
    letters = "".join(c for c, is_set in zip("TFI", data[12:15]) if is_set) or "@"
    return {"kind": "trade", **head, **traded, "venue_seq": 0, "condition": letters.ljust(4)}


# ---- orders -----------------------------------------------------------------------------------------

TEXTS = ["id", "client_order_id", "replaces", "replaced_by", "symbol", "asset_id", "asset_class"]
TIMES = ["created", "updated", "submitted", "filled", "expired", "expires", "canceled", "failed", "replaced",
         "cancel_requested"]
AMOUNTS = {"qty_e9": ("qty", False), "notional_e9": ("notional", True), "filled_qty_e9": ("filled_qty", False),
           "filled_px_e9": ("filled_avg_price", True), "limit_px_e9": ("limit_price", False),
           "stop_px_e9": ("stop_price", False), "trail_px_e9": ("trail_price", False),
           "trail_percent_e9": ("trail_percent", False), "high_water_e9": ("hwm", True)}


def amount(value, rounded=False, signed=False):
    return None if value is None else number(value, rounded=rounded, texts=True, signed=signed)


def order(m):
    out = {name: m.get(name) for name in TEXTS}
    out.update({name: m.get(name) or "" for name in ("status", "side", "type", "time_in_force")})
    out["order_class"] = m.get("order_class") or "simple"
    out["extended_hours"] = m.get("extended_hours") is True
    out.update({name: amount(m.get(key), rounded) for name, (key, rounded) in AMOUNTS.items()})
    out.update({f"{t}_ns": time_ns(m[f"{t}_at"]) if m.get(f"{t}_at") else None for t in TIMES})
    out["legs"] = [order(leg) for leg in m.get("legs") or []]
    return out


def update(m):
    stream, data = m.get("stream", "trade_updates"), m.get("data", m)
    if stream == "authorization":
        return {"kind": data["status"]}
    if stream == "listening":
        return {"kind": "listening", "streams": data["streams"]}
    return {"kind": "update", "event": data["event"], "execution_id": data.get("execution_id"),
            "event_id": data.get("event_id"), "time_ns": time_ns(data["timestamp"]),
            "at_ns": time_ns(data["at"]) if data.get("at") else None, "px_e9": amount(data.get("price"), True),
            "qty_e9": amount(data.get("qty")), "position_qty_e9": amount(data.get("position_qty"), signed=True),
            "order": order(data["order"])}


def loads(text):
    return json.loads(text, parse_float=decimal.Decimal)
