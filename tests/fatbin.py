#!/usr/bin/env python3
"""Are machine code and PTX of every architecture in a fatbin?  fatbin.py FILE sm_80 ... compute_80 ...

Reads the container as nvcc writes it: a header of magic, version, header size and length; then
entries, each with kind (1 = PTX, 2 = machine code), sizes and architecture. Exit 1 when one that is
named is missing, or has no code of any length."""
import struct
import sys

MAGIC, PTX, ELF = 0xBA55ED50, 1, 2


def entries(data):
    at = 0
    while at < len(data):
        magic, _, head, length = struct.unpack_from("<IHHQ", data, at)
        if magic != MAGIC:
            sys.exit(f"no fatbin at byte {at}")
        at, end = at + head, at + head + length
        while at < end:
            kind, _, head, length = struct.unpack_from("<HHIQ", data, at)
            arch, = struct.unpack_from("<I", data, at + 28)
            yield {PTX: f"compute_{arch}", ELF: f"sm_{arch}"}.get(kind, f"kind {kind}"), length
            at += head + length


def main():
    with open(sys.argv[1], "rb") as file:
        found = dict(entries(file.read()))
    missing = [name for name in sys.argv[2:] if found.get(name, 0) < 100]
    print("found:", ", ".join(f"{name} ({length} bytes)" for name, length in found.items()))
    if missing or len(sys.argv) < 3:
        sys.exit(f"missing: {', '.join(missing) or 'architectures to look for'}")


if __name__ == "__main__":
    main()
