#!/bin/sh
# Runs the program as a user would, and holds it to the contract of the command line: exit codes,
# results on stdout, errors on stderr in a line, one JSON document. Usage: commands.sh ATS
ats=$1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failures=0

# expect CODE ARGUMENT...: the exit code; an error is one line that starts with "ats:", and each fault
# of a configuration is one.
expect() {
    code=$1
    shift
    "$ats" "$@" >"$dir/out" 2>"$dir/err"
    got=$?
    if [ "$got" -ne "$code" ]; then
        echo "ats $*: exit $got, expected $code"
        cat "$dir/err"
        failures=$((failures + 1))
    elif [ "$code" -ne 0 ] && [ $# -ne 0 ] &&
        { [ ! -s "$dir/err" ] || grep -qv '^ats: ' "$dir/err" ||
            { [ "$code" -ne 3 ] && [ "$(wc -l <"$dir/err")" -ne 1 ]; }; }; then
        echo "ats $*: the error is not one line of ats:"
        cat "$dir/err"
        failures=$((failures + 1))
    fi
}

# said WORD: the last command's output holds it.
said() {
    grep -q -- "$1" "$dir/out" "$dir/err" && return
    echo "expected '$1' in:"
    cat "$dir/out" "$dir/err"
    failures=$((failures + 1))
}

expect 2
expect 0 --help
said import
expect 0 --version
said commit
expect 2 nonsense
for command in import synth capture models; do
    expect 0 $command --help
    said usage:
    said example:
    expect 2 $command --nonsense
done
expect 2 synth -o "$dir/a.cap" --ratee 5
said 'did you mean --rate'
expect 2 synth
expect 2 synth -o "$dir/a.cap" --rate 0
expect 2 synth -o "$dir/a.cap" --rate 5x
expect 2 synth -o "$dir/a.cap" --duration 5
expect 2 synth -o "$dir/a.cap" --duration 25h
expect 1 synth -o "$dir/no/a.cap"

expect 0 synth -o "$dir/a.cap" --duration 20s
expect 0 synth -o "$dir/b.cap" --duration 20s --quiet
[ -s "$dir/out" ] && echo "--quiet is not" && failures=$((failures + 1))
cmp -s "$dir/a.cap" "$dir/b.cap" || { echo "two days of one seed differ"; failures=$((failures + 1)); }
expect 0 capture info "$dir/a.cap"
expect 0 capture info --json "$dir/a.cap"
for key in records symbols first_event_at last_event_at kinds bytes; do
    said "\"$key\""
done
expect 0 capture verify "$dir/a.cap"
expect 0 capture cat "$dir/a.cap" --limit 5
[ "$(wc -l <"$dir/out")" -eq 6 ] || { echo "cat --limit 5 is not a header and 5 lines"; failures=$((failures + 1)); }
expect 0 capture cat "$dir/a.cap" --kind trade --symbol US:SYN001 --jsonl -n 3
[ "$(grep -c '"kind":"trade"' "$dir/out")" -eq 3 ] || { echo "cat --jsonl is wrong"; failures=$((failures + 1)); }
expect 0 capture cat "$dir/a.cap" --limit 2 --json
[ "$(head -c1 "$dir/out")" = "[" ] || { echo "cat --json is no array"; failures=$((failures + 1)); }
expect 2 capture cat "$dir/a.cap" --kind nonsense
expect 2 capture cat "$dir/a.cap" --symbol NONE
expect 2 capture nonsense "$dir/a.cap"
expect 2 capture info
expect 4 capture info "$dir/nothing.cap"
: >"$dir/empty.cap"
expect 4 capture info "$dir/empty.cap"
expect 4 capture info "$ats"
head -c 20000 "$dir/a.cap" >"$dir/cut.cap"
expect 0 capture info "$dir/cut.cap"
said 'end is missing'
expect 4 capture verify "$dir/cut.cap"

expect 4 capture check "$dir/a.cap" "$dir/b.cap" # the second starts before the first ends
expect 0 capture check "$dir/a.cap"
said 'records of'
expect 0 capture check --json --html "$dir/a.html" "$dir/a.cap"
said '"checked": true'
grep -q 'Market data' "$dir/a.html" || { echo "check --html wrote no page"; failures=$((failures + 1)); }
expect 2 capture check --mode nonsense "$dir/a.cap"
expect 2 capture info "$dir/a.cap" "$dir/b.cap"
expect 4 capture check "$dir/nothing.cap"
{
    echo ts_utc_ns,symbol,price,size
    for i in $(seq 100 150); do echo "1704205${i}000000000,A,10.0$((i % 5)),1"; done
    echo 1704205151000000000,A,99,1
} >"$dir/p.csv"
expect 0 import taq-csv "$dir/p.csv" -o "$dir/p.cap" --quiet
expect 0 capture check "$dir/p.cap"
said 'trade_outlier'
expect 4 capture check --mode strict "$dir/p.cap"

expect 0 import --list
said taq-csv
said binance-ws
expect 2 import
expect 2 import nonsense x -o "$dir/c.cap"
expect 2 import taq-csv x
expect 4 import taq-csv "$dir/nothing" -o "$dir/c.cap"
expect 4 import taq-csv "$dir/a.cap" -o "$dir/c.cap"
expect 2 import binance-ws "$dir/a.cap" -o "$dir/c.cap"
[ -e "$dir/c.cap" ] || [ -e "$dir/c.cap.tmp" ] && echo "a failed import left a file" && failures=$((failures + 1))
printf 'ts_utc_ns,symbol,price,size\n1,A,1.5,3\n2,A,1.6,4\n' >"$dir/t.csv"
expect 0 import taq-csv "$dir/t.csv" -o "$dir/c.cap" --json
said '"records": 2'
printf '2,A,-1,4\n' >>"$dir/t.csv"
expect 4 import taq-csv "$dir/t.csv" -o "$dir/c.cap"
said 't.csv:4: negative'
expect 0 import taq-csv "$dir/t.csv" -o "$dir/c.cap" --max-bad 30%
said '1 negative'

configs=$(cd "$(dirname "$0")/../../configs" && pwd)
for file in "$configs"/*.yaml; do
    expect 0 config check "$file"
    said 'valid'
done
expect 0 config show "$configs/demo.yaml"
said 'max_drawdown'
expect 0 config show "$configs/demo.yaml" --json
said '"origin": "file"'
expect 0 config keys
said 'risk.max_gross'
expect 2 config
expect 2 config nonsense "$configs/demo.yaml"
expect 2 config check
expect 3 config check "$dir/nothing.yaml"
sed 's/max_drawdown: 2%/max_drawdown: 200%/; s/min_stop_bps/min_stop_pbs/' "$configs/demo.yaml" >"$dir/bad.yaml"
expect 3 config check "$dir/bad.yaml"
said 'bad.yaml:[0-9]*: exits.min_stop_pbs: no such key; did you mean min_stop_bps'
said 'bad.yaml:[0-9]*: risk.max_drawdown: 200% is too large; allowed: 0.01% to 100%'
expect 3 config check "$dir/bad.yaml" --json
said '"fault_count": 2'
ATS_RISK_MAX_GROSS=80% expect 0 config show "$configs/demo.yaml"
said 'max_gross *80% *environment'

"$ats" doctor --spin 0ms --json >"$dir/out" 2>"$dir/err"
[ $? -le 1 ] || { echo "doctor: neither 0 nor 1"; failures=$((failures + 1)); }
said '"findings"'
expect 2 doctor --spin 2m
expect 3 doctor -c "$dir/bad.yaml"
sed 's/threads: fused.*/threads: [{name: a, cpu: 1023, wait: spin, stages: [feed, feature, infer, strategy, risk, route]}, {name: b, cpu: any, wait: park, stages: [drain]}]/' \
    "$configs/demo.yaml" >"$dir/far.yaml"
"$ats" doctor --spin 0ms -c "$dir/far.yaml" >"$dir/out" 2>"$dir/err"
[ $? -eq 1 ] || { echo "doctor: a CPU that is not there passes"; failures=$((failures + 1)); }
said 'fail  threads .*CPU 1023'

expect 0 bench --list
said 'ring'
expect 2 bench
expect 2 bench nonsense
expect 2 bench ring --rounds 8

mkdir "$dir/no-run"
echo '{"schema":99}' >"$dir/no-run/run.json"
expect 4 report "$dir/no-run"
"$ats" synth --help | head -1 >/dev/null
"$ats" config keys 2>"$dir/err" | head -1 >/dev/null
"$ats" features list --json 2>>"$dir/err" | head -1 >/dev/null
[ ! -s "$dir/err" ] || { echo "a closed pipe is told"; failures=$((failures + 1)); }

expect 2 features
expect 2 features nonsense "$dir/a.cap"
said 'check, drift, importance, correlate'
expect 0 features list
said 'rsi_14_15m'
expect 0 features list --json --timeframes 1m,1d
said '"feature_version"'
expect 0 features show rsi_14_5m vwap_z
said 'TA-Lib RSI'
expect 2 features show rsi_14
said 'did you mean rsi_14_1m'
expect 2 features list --timeframes 7m
said 'divide a day evenly'
expect 0 features docs
cmp -s "$dir/out" "$(dirname "$0")/../../docs/features.md" || {
    echo "docs/features.md is not what ats features docs prints"
    failures=$((failures + 1))
}
expect 0 features dump "$dir/a.cap" -o "$dir/vectors.csv"
said ' vectors'
head -1 "$dir/vectors.csv" | grep -q 'recv_ns,symbol,price,ready,spread_bps' || failures=$((failures + 1))
expect 2 features dump
expect 2 features dump "$dir/a.cap" --symbol NOBODY
said 'is not in the captures'
expect 4 features dump --run "$dir/nothing"
expect 2 features drift "$dir/a.cap"
said 'which model'
expect 2 features check
expect 4 features check "$dir/nothing.cap"
expect 0 features check "$dir/a.cap"
said 'queue_imbalance'
expect 0 features correlate "$dir/a.cap" --json
said '"spearman"'
expect 2 features importance
expect 4 features importance --history "$dir/nothing.jsonl"
expect 4 features importance --model "$dir/nothing.json" "$dir/a.cap"
said 'nothing.json'
expect 4 features drift --model "$dir/nothing.json" "$dir/a.cap"
said 'ats train'

expect 2 models
expect 2 models nonsense "$dir/a.cap"
said 'show, combine, calibrate'
expect 2 models show
said 'which model'
expect 4 models show "$dir/nothing.json"
expect 4 models show "$dir/a.cap"
expect 2 models combine "$dir/x.json" "$dir/y.json"
said 'where to'
expect 2 models combine -o "$dir/e.json" "$dir/x.json"
said 'two models or more'
expect 2 models calibrate -o "$dir/e.json" "$dir/x.json"
said 'on which data'
expect 2 models calibrate -o "$dir/e.json" --on "$dir/a.cap" "$dir/b.cap"
said 'which model'
expect 4 models calibrate -o "$dir/e.json" --on "$dir/a.cap" "$dir/nothing.json" --horizon 1s
[ ! -e "$dir/e.json" ] || { echo "a refused ensemble left a file"; failures=$((failures + 1)); }
printf 'tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=1\nobjective=regression\n\nTree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=1\nthreshold=0.5\ndecision_type=2\nleft_child=-1\nright_child=-2\nleaf_value=-1 2\nshrinkage=1\n\nend of trees\n' >"$dir/stump.txt"
expect 0 models show "$dir/stump.txt"
said 'LightGBM text, 1 tree of depth 1, 3 nodes'
said 'it must carry ats_feature_version'
expect 0 models show --json "$dir/stump.txt"
said '"feature_version_is_ours": false'
expect 3 models calibrate -o "$dir/e.json" --on "$dir/a.cap" "$dir/stump.txt" --horizon 1s
said 'feature version'

# A file that gives nothing is told, and leaves no capture.
printf 'time,open,high,low,close,volume\n' >"$dir/empty.csv"
expect 4 import bar-csv "$dir/empty.csv" --symbol X --period 1m --class equity --time-format s --zone UTC --bar-time start -o "$dir/none.cap"
said 'no line that gives a record'
[ ! -e "$dir/none.cap" ] || { echo "an empty import leaves a capture"; failures=$((failures + 1)); }

# What a user has is not written over.
echo precious >"$dir/precious.txt"
expect 2 synth -o "$dir/precious.txt" --duration 1s
said 'is no capture'
expect 2 import taq-csv "$dir/precious.txt" -o "$dir/precious.txt"
said 'also an input'
[ "$(cat "$dir/precious.txt")" = precious ] || { echo "a file was lost"; failures=$((failures + 1)); }
expect 0 synth -o "$dir/twice.cap" --duration 1s
expect 0 synth -o "$dir/twice.cap" --duration 1s
expect 2 train -o "$dir/precious.txt" "$dir/twice.cap"
expect 2 features dump -o "$dir/twice.cap" "$dir/twice.cap"
said 'also an input'
expect 2 features dump -o "$dir/precious.txt" "$dir/twice.cap"
said 'is no list of vectors'
expect 2 models combine -o "$dir/precious.txt" "$dir/stump.txt" "$dir/stump.txt"
said 'is no ensemble'
expect 2 models combine -o "$dir/stump.txt" "$dir/stump.txt" "$dir/stump.txt"
said 'also an input'
expect 2 features importance --model m.json --history "$dir/precious.txt" "$dir/twice.cap"
said 'is no history'
expect 0 capture verify "$dir/twice.cap"
expect 0 features dump -o "$dir/vectors.csv" "$dir/twice.cap"
expect 0 features dump -o "$dir/vectors.csv" "$dir/twice.cap"
[ "$(cat "$dir/precious.txt")" = precious ] || { echo "a file was lost"; failures=$((failures + 1)); }

# What a vector is made of is held to its form before anything runs.
expect 2 features check --sectors 'XLK AAPL' "$dir/twice.cap"
said 'colon'
expect 3 features check --calendar "$dir/precious.txt" "$dir/twice.cap"
expect 3 train --calendar "$dir/precious.txt" -o "$dir/m.json" "$dir/twice.cap"

[ "$failures" -eq 0 ]
