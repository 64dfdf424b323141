#!/usr/bin/env python3
"""Makes the compiled peers of `ats bench infer`: its models, written by `ats bench infer --write-models`, as C code that
TL2cgen generates and the C compiler optimises. Takes minutes. Needs tests/python/requirements.txt.
  build/venv/bin/python bench/infer_peers.py [ATS [FOLDER]]     (default: build/release/ats build/peers)"""
import pathlib
import subprocess
import sys

import tl2cgen
import treelite


def main():
    ats = sys.argv[1] if len(sys.argv) > 1 else "build/release/ats"
    folder = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "build/peers")
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([ats, "bench", "infer", "--write-models", str(folder)], check=True, stdout=subprocess.DEVNULL)
    for path in sorted(folder.glob("*.json")):
        model = treelite.frontend.load_xgboost_model(str(path))
        # One translation unit for each 50 trees: a compiler takes hours for all in one function.
        units = max(1, model.num_tree // 50)
        tl2cgen.export_lib(model, toolchain="gcc", libpath=str(path.with_suffix(".so")), nthread=2,
                           params={"parallel_comp": units}, options=["-O2"])
        print(path.with_suffix(".so"))


if __name__ == "__main__":
    main()
