#!/usr/bin/env python3
"""Makes the compiled peers of `ats bench infer`: its models, written by `ats bench infer --write-models`, as C code that
TL2cgen generates and the C compiler optimises, and as machine code that lleaves makes of the same trees in LightGBM's
words (of those up to 40,000 leaves: LLVM takes more than ten minutes beyond). Takes minutes. Needs tests/python/requirements.txt.
  build/venv/bin/python bench/infer_peers.py [ATS [FOLDER]]     (default: build/release/ats build/peers)"""
import json
import math
import pathlib
import subprocess
import sys

import lleaves
import numpy as np
import tl2cgen
import treelite


def with_tl2cgen(path):
    model = treelite.frontend.load_xgboost_model(str(path))
    # One translation unit for each 50 trees: a compiler takes hours for all in one function.
    units = max(1, model.num_tree // 50)
    tl2cgen.export_lib(model, toolchain="gcc", libpath=str(path.with_suffix(".so")), nthread=2,
                       params={"parallel_comp": units}, options=["-O2"])
    print(path.with_suffix(".so"))


def lightgbm_tree(tree, base):
    """A tree of XGBoost's in LightGBM's text. x < t of floats is x <= the float below t; NaN goes the default way."""
    left, right = tree["left_children"], tree["right_children"]
    splits = [i for i, child in enumerate(left) if child != -1]
    leaves = [i for i, child in enumerate(left) if child == -1]
    number = {**{i: k for k, i in enumerate(splits)}, **{i: ~k for k, i in enumerate(leaves)}}
    below = [float(np.nextafter(np.float32(tree["split_conditions"][i]), np.float32(-math.inf))) for i in splits]
    return "\n".join([
        f"num_leaves={len(leaves)}", "num_cat=0",
        "split_feature=" + " ".join(str(tree["split_indices"][i]) for i in splits),
        "split_gain=" + " ".join("1" for _ in splits),
        "threshold=" + " ".join(repr(t) for t in below),
        "decision_type=" + " ".join(str(8 + 2 * int(tree["default_left"][i])) for i in splits),
        "left_child=" + " ".join(str(number[left[i]]) for i in splits),
        "right_child=" + " ".join(str(number[right[i]]) for i in splits),
        "leaf_value=" + " ".join(repr(float(np.float32(tree["split_conditions"][i])) + base) for i in leaves),
        "is_linear=0", "shrinkage=1", ""])


LEAVES_MAX = 40_000  # of what LLVM compiles in bearable time


def with_lleaves(path):
    learner = json.loads(path.read_text())["learner"]
    if sum(t["left_children"].count(-1) for t in learner["gradient_booster"]["model"]["trees"]) > LEAVES_MAX:
        print(f"{path}: too large for lleaves")
        return
    features = int(learner["learner_model_param"]["num_feature"])
    base = float(learner["learner_model_param"]["base_score"].strip("[]"))
    trees = [lightgbm_tree(t, 0 if i else base) for i, t in enumerate(learner["gradient_booster"]["model"]["trees"])]
    text = path.with_suffix(".lightgbm.txt")
    text.write_text("\n".join([
        "tree", "version=v4", "num_class=1", "num_tree_per_iteration=1", "label_index=0", f"max_feature_idx={features - 1}",
        "objective=regression", "feature_names=" + " ".join(f"f{i}" for i in range(features)),
        "feature_infos=" + " ".join("[-1e38:1e38]" for _ in range(features)), "tree_sizes=" + " ".join(str(len(t)) for t in trees), "",
        *(f"Tree={i}\n{t}" for i, t in enumerate(trees)), "end of trees", "", "pandas_categorical:null", ""]))
    machine_code = path.with_suffix(".lleaves.o")
    machine_code.unlink(missing_ok=True)
    lleaves.Model(model_file=str(text)).compile(cache=str(machine_code))
    subprocess.run(["gcc", "-shared", "-o", str(path.with_suffix(".lleaves.so")), str(machine_code)], check=True)
    print(path.with_suffix(".lleaves.so"))


def main():
    ats = sys.argv[1] if len(sys.argv) > 1 else "build/release/ats"
    folder = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "build/peers")
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([ats, "bench", "infer", "--write-models", str(folder)], check=True, stdout=subprocess.DEVNULL)
    for path in sorted(folder.glob("*.json")):
        with_lleaves(path)
        with_tl2cgen(path)


if __name__ == "__main__":
    main()
