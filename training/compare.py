"""Train rexnet_cifar10 and its stage-wise rival, three seeds each, and tell the accuracies side by side.

    python compare.py --data CIFAR10 -o OUT

Runs that are finished are not repeated, and runs that were cut off go on. Weights and log of each are in OUT/NETWORK_SEED.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
SPECS = {
    "rexnet_cifar10": HERE.parent / "models" / "rexnet_cifar10" / "rexnet_cifar10.rexnet",
    "stagewise_cifar10": HERE / "stagewise_cifar10.rexnet",
}
# The C library would give the memory of each activation back to the system, and have it zeroed again, in every step.
MALLOC = "glibc.malloc.arena_max=1:glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=8589934592"


def train(network: str, seed: int, arguments: argparse.Namespace) -> None:
    folder = arguments.output / f"{network}_{seed}"
    command = [sys.executable, str(HERE / "train.py"), str(SPECS[network]), "--data", str(arguments.data)]
    command += ["--seed", str(seed), "--rexnetc", arguments.rexnetc, "-o", str(folder)]
    if arguments.epochs:
        command += ["--epochs", str(arguments.epochs)]
    status = subprocess.run(command, env={"GLIBC_TUNABLES": MALLOC, **os.environ}).returncode
    if status:
        # It has said why.
        raise SystemExit(f"{network}, seed {seed}: train.py ended with status {status}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder of the unpacked npm package")
    parser.add_argument("--rexnetc", default="rexnetc")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, help="other than train.py's")
    parser.add_argument("--jobs", type=int, help="runs at a time: all of them on a GPU, one on each core of a CPU")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    runs = [(network, seed) for seed in range(arguments.seeds) for network in SPECS]
    jobs = arguments.jobs or (len(runs) if torch.cuda.is_available() else os.cpu_count())
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(lambda run: train(*run, arguments), runs))
    print("| network | parameters | multiply-accumulates | top-1 of each seed | mean | standard deviation |")
    print("| --- | ---: | ---: | --- | ---: | ---: |")
    for network in SPECS:
        logs = [json.loads((arguments.output / f"{network}_{seed}" / "log.json").read_text()) for seed in range(arguments.seeds)]
        scores = [log["test_top1"] for log in logs]
        spread = f"{statistics.stdev(scores):.2f}" if len(scores) > 1 else ""
        each = ", ".join(f"{score:.2f}" for score in scores)
        costs = f"{logs[0]['params']:,} | {logs[0]['macs']:,}"
        print(f"| {network} | {costs} | {each} | {statistics.mean(scores):.2f} | {spread} |")


if __name__ == "__main__":
    main()
