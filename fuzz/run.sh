#!/usr/bin/env bash
# Fuzzes each target for some seconds, one after the other, and says what each did:
#
#     fuzz/run.sh [SECONDS [TARGET...]]           60 seconds each without
#
# With a nightly toolchain AddressSanitizer watches; without, the pinned one instruments for coverage alone. An input
# that crashes, takes 10 s, or 1 GiB in one allocation or 2 GiB in all is kept as fuzz/found/TARGET.crash-…, and the exit code is 1.
# `MERGE=1` instead writes the smallest set of small inputs that reaches all that the found ones do into fuzz/corpus.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:-60}
targets=("${@:2}")
if [ ${#targets[@]} -eq 0 ]; then
    mapfile -t targets < <(sed -n 's/^name = "\([a-z_]*\)"$/\1/p' Cargo.toml)
fi

host=$(rustc -vV | sed -n 's/^host: //p')
toolchain=()
flags=(--cfg fuzzing)
if rustc +nightly --version >/dev/null 2>&1; then
    toolchain=(+nightly)
    flags+=(-Zsanitizer=address)
fi
coverage=(level=4 inline-8bit-counters pc-table trace-compares)
flags+=(-Cpasses=sancov-module "${coverage[@]/#/-Cllvm-args=-sanitizer-coverage-}" -Cdebug-assertions -Coverflow-checks)
export RUSTFLAGS="${flags[*]}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
case " ${targets[*]} " in
    *" nests "* | *" image "*) features=(--features machine) ;;
    *) features=() ;;
esac
cargo "${toolchain[@]}" build --release --quiet --target "$host" "${features[@]}" "${targets[@]/#/--bin=}"
programs="$CARGO_TARGET_DIR/$host/release"

# What the tests have of each kind.
seeds() {
    case $1 in
        graph) echo ../tests/files/{graph,run,passes,lower} ;;
        compile) echo ../tests/files/{graph,run,passes,lower} ../tests/fixtures/{onnx,onnx_operators} ;;
        loops) echo ../tests/files/loops ;;
        spec) echo ../rexnet-ir/{presets,tests/spec/errors} ;;
        onnx) echo ../tests/fixtures/{onnx,onnx_operators} ;;
        safetensors | pytorch) echo ../tests/fixtures/checkpoints ;;
        photograph) echo ../tests/fixtures/preprocessing ;;
    esac
}

# The most that is committed for a target.
corpus_bytes=14000
limits=(-timeout=10 -malloc_limit_mb=1024 -rss_limit_mb=2048 -max_len=32768)
failed=0
for target in "${targets[@]}"; do
    mkdir -p "found/$target" "corpus/$target"
    if [ -n "${MERGE:-}" ]; then
        rm -rf found/.merged && mkdir found/.merged
        "$programs/$target" "${limits[@]}" -merge=1 -max_len=1024 found/.merged "corpus/$target" "found/$target" \
            >"found/$target.log" 2>&1
        # The smallest first, as many as fit.
        rm -rf "corpus/$target" && mkdir "corpus/$target"
        total=0
        while read -r bytes file; do
            total=$((total + bytes))
            [ "$total" -le "$corpus_bytes" ] || break
            cp "$file" "corpus/$target/"
        done < <(find found/.merged -type f -printf '%s %p\n' | sort -n)
        echo "$target: $(find "corpus/$target" -type f | wc -l) inputs, $(du -b --apparent-size -s "corpus/$target" | cut -f1) bytes"
        continue
    fi
    status=0
    "$programs/$target" "${limits[@]}" -max_total_time="$seconds" -print_final_stats=1 \
        -artifact_prefix="found/$target.crash-" "found/$target" "corpus/$target" $(seeds "$target") \
        >"found/$target.log" 2>&1 || status=$?
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "found/$target.log")
    memory=$(sed -n 's/^stat::peak_rss_mb: *//p' "found/$target.log")
    reached=$(grep -o 'cov: [0-9]*' "found/$target.log" | tail -1)
    if [ "$status" -ne 0 ]; then
        failed=1
        echo "$target: FAILED after ${executions:-?} executions; fuzz/found/$target.log says how"
    else
        echo "$target: $executions executions in $seconds s, $reached, $memory MiB"
    fi
done
exit "$failed"
