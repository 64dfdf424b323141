"""Reads audit.bin by its description in io/audit.h and core/record.h: independent of the program's own reader."""
import struct

import numpy

HEADER, BLOCK, RECORD, SYMBOL = 64, 32, 256, 80
INTENT, VERDICT, ORDER, EXEC, POSITION = 11, 12, 13, 14, 15

COMMON = {"event_seq": (0, "u8"), "event_ns": (8, "i8"), "recv_ns": (16, "i8"), "symbol": (32, "u4"), "kind": (38, "u1")}
LAYOUT = {
    INTENT: {"id": (64, "u8"), "target": (72, "u8"), "qty": (80, "i8"), "limit": (88, "i8"), "strategy": (116, "u4"),
             "reason": (128, "u4"), "action": (132, "u1"), "side": (133, "u1"), "type": (134, "u1"), "tif": (135, "u1"),
             "flags": (136, "u4"), "stop": (152, "i8"), "stop_leg": (176, "i8"), "parent": (192, "u8"), "parent_left": (200, "i8"),
             "order_class": (208, "u1"), "algorithm": (209, "u1")},
    VERDICT: {"id": (64, "u8"), "check": (72, "u4"), "measured": (80, "i8"), "limit": (88, "i8")},
    EXEC: {"order": (64, "u8"), "exec": (72, "u8"), "last_qty": (88, "i8"), "last_px": (96, "i8"), "cum": (104, "i8"),
           "leaves": (112, "i8"), "fee": (120, "i8"), "type": (128, "u4"), "strategy": (140, "u4"), "side": (144, "u1"),
           "reason": (148, "u4"), "ref_order": (160, "u8")},
    POSITION: {"qty": (64, "i8"), "mark": (80, "i8"), "equity": (112, "i8"), "cash": (120, "i8")},
}


def records(path):
    """All records, in the order of the file, as raw bytes [n, 256]."""
    data = path.read_bytes()
    assert data[:8] == b"ATSAUDIT"
    symbols, = struct.unpack_from("<I", data, 24)
    at, blocks = HEADER + symbols * SYMBOL, []
    while at < len(data):
        magic, count = struct.unpack_from("<4sI", data, at)
        assert magic == b"ABLK"
        at += BLOCK
        blocks.append(numpy.frombuffer(data, "u1", count * RECORD, at).reshape(count, RECORD))
        at += count * RECORD
    return numpy.concatenate(blocks)


def of_kind(raw, kind):
    """The records of a kind as a structured array."""
    fields = {**COMMON, **LAYOUT[kind]}
    layout = numpy.dtype({"names": list(fields), "formats": ["<" + f for _, f in fields.values()],
                          "offsets": [o for o, _ in fields.values()], "itemsize": RECORD})
    rows = raw[raw[:, 38] == kind]
    return numpy.frombuffer(rows.tobytes(), layout)
