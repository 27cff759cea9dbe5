"""Whether PyTorch and every back end of rexnet give all test images the same class.

    python parity.py ../models/rexnet_cifar10/rexnet_cifar10.rexnet --weights ../models/rexnet_cifar10/weights.safetensors --data CIFAR10

A disagreement is told with the distance between the two classes' logits in f64: one within rounding is a tie.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import safetensors.torch
import torch

import cifar10
from train import network_of, rexnetc


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("spec", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rexnetc", default="rexnetc")
    parser.add_argument("--backends", nargs="+", default=["jit", "clif", "rust", "reference"])
    arguments = parser.parse_args()

    images, classes = cifar10.load(arguments.data, train=False)
    with tempfile.TemporaryDirectory() as folder:
        network = network_of(arguments.rexnetc, arguments.spec, Path(folder))
        weights = {name: tensor.float() for name, tensor in safetensors.torch.load_file(arguments.weights).items()}
        network.load_state_dict(weights, strict=False)
        network.eval()
        preprocessing = json.loads(rexnetc(arguments.rexnetc, "info", str(arguments.spec), "--json"))["preprocessing"]
        mean, std = (torch.tensor(preprocessing[name]).view(1, 3, 1, 1) for name in ("mean", "std"))
        inputs = (images.float() / preprocessing["scale"] - mean) / std
        with torch.inference_mode():
            logits = {"pytorch": torch.cat([network(part) for part in inputs.split(250)]).double().numpy()}
            # PyTorch's f64 convolutions are slow: only what the back ends disagree about is computed so.
            network.double()
        for backend in arguments.backends:
            output = Path(folder) / f"{backend}.npy"
            command = ["eval", str(arguments.spec), "--weights", str(arguments.weights), "--data", str(arguments.data)]
            rexnetc(arguments.rexnetc, *command, "--backend", backend, "--output", str(output))
            logits[backend] = np.load(output).astype(np.float64)

    first = logits["pytorch"]
    for name, own in logits.items():
        right = 100 * (own.argmax(1) == classes.numpy()).mean()
        error = np.abs(own - first).max() / np.abs(first).max()
        print(f"{name:>10}: {right:.2f} %, the furthest logit is {error:.1e} of the range from PyTorch's")
        for image in np.flatnonzero(own.argmax(1) != first.argmax(1)):
            with torch.inference_mode():
                exact = network(inputs[image : image + 1].double())[0]
            distance = float(exact[first[image].argmax()] - exact[own[image].argmax()])
            print(f"            image {image}: another class than PyTorch, {distance:.1e} below it in f64")


if __name__ == "__main__":
    main()
