#!/usr/bin/env bash
# Runs machine code made at run time, compiled networks and emitted Rust under valgrind's memcheck: no kernel reads what
# nobody wrote, or beyond a block. Memcheck has no AVX-512, and tells processes so: they run the AVX2 versions.
#
#     fuzz/valgrind.sh                            needs valgrind; some minutes
set -euo pipefail
cd "$(dirname "$0")/.."

network="rexnet(width = 0.25, size = 32, classes = 10)"
check=(valgrind --quiet --error-exitcode=9 --leak-check=no --expensive-definedness-checks=yes)

cargo build --quiet --package rexnetc
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# A copy: who builds meanwhile makes another compiler, and that one refuses the images of this.
program="$folder/rexnetc"
cp "${CARGO_TARGET_DIR:-target}/debug/rexnetc" "$program"

once=(--iters 1 --warmup 0 --lines)
for backend in jit clif; do
    echo "== machine code at run time: $backend"
    "${check[@]}" "$program" bench "$network" --backend "$backend" "${once[@]}"
done
echo "== two threads, an odd batch"
"${check[@]}" "$program" bench "$network" --threads 2 --batch 3 "${once[@]}"

echo "== operators of heads"
for model in tests/fixtures/onnx_operators/*_dynamo.onnx; do
    "${check[@]}" "$program" bench "$model" --backend jit "${once[@]}"
done

echo "== a compiled network"
"${check[@]}" "$program" compile "$network" --seed 0 --emit image -o "$folder"
"${check[@]}" "$program" run "$folder/rexnet.rxi" models/photos/coffee.png

echo "== emitted Rust"
for version in avx2 portable; do
    "$program" compile "$network" --emit rust --crate --target "$version" -o "$folder/$version"
    (cd "$folder/$version" && cargo build --quiet --release --offline --target-dir target)
    name=$(find "$folder/$version/target/release" -maxdepth 1 -type f -executable | head -1)
    (cd "$folder/$version" && "${check[@]}" "$name" 1)
done
echo "memcheck found nothing"
