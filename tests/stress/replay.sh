#!/bin/sh
# The program itself on four threads with tape, drain and keeper, and fused: equal digests; under
# ThreadSanitizer also no race. Usage: replay.sh ATS SOURCE_DIR
ats=$1
source=$2
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
set -e
export TSAN_OPTIONS="halt_on_error=1 exitcode=66"
"$ats" synth -o "$dir/day.cap" --duration 10m --rate 200 --seed 3 --quiet >/dev/null
# A model of one tree. Its feature version is the one that the refusal of another names.
model() {
    cat >"$dir/tree.json" <<JSON
{"learner":{"attributes":{"ats_feature_version":"$1"},
"gradient_booster":{"name":"gbtree","model":{"trees":[{"left_children":[1,-1,3,-1,-1],
"right_children":[2,-1,4,-1,-1],"split_indices":[2,0,2,0,0],
"split_conditions":[-0.5,-1.0,0.5,0.0,1.0],"default_left":[0,0,0,0,0]}]}},
"learner_model_param":{"base_score":"0","num_class":"0","num_feature":"20","num_target":"1"},
"objective":{"name":"reg:squarederror"}},"version":[1,7,4]}
JSON
}
sed 's/path: ""/path: tree.json/' "$source/configs/demo.yaml" >"$dir/fused.yaml"
sed 's/threads: fused.*/threads:\
    - {name: market, cpu: any, wait: yield, stages: [feed, feature]}\
    - {name: score, cpu: any, wait: yield, stages: [infer]}\
    - {name: order, cpu: any, wait: yield, stages: [strategy, risk, route]}\
    - {name: side, cpu: any, wait: park, stages: [drain]}/' "$dir/fused.yaml" >"$dir/threads.yaml"
model 1
version=$("$ats" backtest -c "$dir/fused.yaml" --run-dir "$dir/no" "$dir/day.cap" 2>&1 >/dev/null |
    sed -n 's/.*this program computes \([0-9a-f]*\).*/\1/p')
model "$version"
"$ats" replay -c "$dir/fused.yaml" --run-dir "$dir/fused" "$dir/day.cap" >/dev/null
"$ats" replay -c "$dir/threads.yaml" --run-dir "$dir/threads" "$dir/day.cap" >/dev/null
"$ats" replay -c "$dir/threads.yaml" --speed 300x --run-dir "$dir/paced" "$dir/day.cap" >/dev/null
"$ats" replay --run "$dir/threads" --run-dir "$dir/again" >/dev/null
digest() { sed -n 's/.*"digest": *"\([0-9a-f]*\)".*/\1/p' "$dir/$1/run.json"; }
first=$(digest fused)
orders=$(sed -n 's/.*"orders": *\([0-9]*\).*/\1/p' "$dir/fused/run.json")
echo "$orders orders, digest $first"
[ -n "$first" ] && [ "$orders" -gt 50 ] &&
    [ "$(digest threads)" = "$first" ] && [ "$(digest paced)" = "$first" ]
