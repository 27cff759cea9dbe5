"""Train a network of a `.rexnet` spec on CIFAR-10.

The module is what `rexnetc compile --emit pytorch` makes of the spec, and the normalisation is the spec's, so the spec is
the only place where the network stands. A run that was cut off goes on where its last epoch ended, and one that is finished is
not repeated.

    python train.py ../models/rexnet_cifar10/rexnet_cifar10.rexnet --data CIFAR10 --seed 0 -o OUT
"""

import argparse
import importlib.util
import json
import math
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

import cifar10


@dataclass(frozen=True)
class Recipe:
    """What all runs on one kind of device have in common."""

    epochs: int
    batch: int
    average_decay: float  # of the moving average of weights and statistics, which is what is tested
    erased_side: int  # of the square of each image that is made the mean
    small_part: float = 0.6  # of the epochs, the first, on images of `small_side`, which cost half as much
    small_side: int = 24
    learning_rate: float = 0.05  # for a batch of 64, and in proportion for others
    momentum: float = 0.9
    weight_decay: float = 5e-4  # of weights of rank 2 and more: not of biases and batch norms
    warmup_epochs: float = 1.0
    label_smoothing: float = 0.1

    @staticmethod
    def of(device: torch.device, epochs: int | None) -> "Recipe":
        """A GPU has room for larger batches and time for more epochs, in which erased squares keep images new."""
        gpu = device.type == "cuda"
        epochs = epochs or (60 if gpu else 30)
        batch = 256 if gpu else 64
        # The average reaches back a twelfth of the run: 0.999 on a GPU, 0.9995 on a CPU, less for fewer epochs.
        average_decay = round(1 - 12 / (epochs * (cifar10.TRAIN_IMAGES // batch)), 4)
        return Recipe(epochs=epochs, batch=batch, average_decay=average_decay, erased_side=8 if gpu else 0)

    def rate(self, epochs_done: float, steps: int) -> float:
        """The learning rate of the next of an epoch's steps."""
        peak = self.learning_rate * self.batch / 64
        warm = min(1.0, (epochs_done + 1 / steps) / self.warmup_epochs)
        return peak * warm * 0.5 * (1 + math.cos(math.pi * (epochs_done / self.epochs)))


def rexnetc(program: str, *arguments: str) -> str:
    return subprocess.run([program, *arguments], check=True, capture_output=True, text=True).stdout


def network_of(program: str, spec: Path, folder: Path) -> nn.Module:
    """The module that the compiler makes of the spec."""
    source = folder / "network.py"
    rexnetc(program, "compile", str(spec), "--emit", "pytorch", "-o", str(source))
    module_spec = importlib.util.spec_from_file_location("network", source)
    module = importlib.util.module_from_spec(module_spec)
    module_spec.loader.exec_module(module)
    return module.Network()


def augment(images: Tensor, erased_side: int, random: torch.Generator) -> Tensor:
    """Each image moved by up to four pixels, what comes in reflected, every second one mirrored, and a square of it erased."""
    n, _, height, width = images.shape
    device = images.device
    y, x = torch.arange(height, device=device), torch.arange(width, device=device)
    padded = F.pad(images, (4, 4, 4, 4), mode="reflect")
    top = torch.randint(9, (n, 1), generator=random, device=device) + y
    left = torch.randint(9, (n, 1), generator=random, device=device) + x
    mirrored = torch.randint(2, (n, 1), generator=random, device=device).bool()
    left = torch.where(mirrored, left.flip(1), left)
    rows = torch.arange(n, device=device)[:, None, None]
    moved = padded.permute(0, 2, 3, 1)[rows, top[:, :, None], left[:, None, :]].permute(0, 3, 1, 2)
    if not erased_side:
        return moved
    # The square may stand out of the image by half.
    first_row = torch.randint(height + 1, (n, 1), generator=random, device=device) - erased_side // 2
    first_column = torch.randint(width + 1, (n, 1), generator=random, device=device) - erased_side // 2
    row_erased = (y >= first_row) & (y < first_row + erased_side)
    column_erased = (x >= first_column) & (x < first_column + erased_side)
    return moved.masked_fill((row_erased[:, :, None] & column_erased[:, None, :])[:, None], 0.0)


class Average:
    """The exponential moving average of a network's parameters and statistics; short at first, when all is new."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.tensors = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        self.steps += 1
        weight = 1 - min(self.decay, (1 + self.steps) / (10 + self.steps))
        now = network.state_dict()
        floating = [name for name, tensor in now.items() if tensor.is_floating_point()]
        torch._foreach_lerp_([self.tensors[n] for n in floating], [now[n] for n in floating], weight)


@torch.no_grad()
def accuracy(network: nn.Module, images: Tensor, classes: Tensor) -> float:
    """Of all images the part whose largest logit is their class's, in percent."""
    network.eval()
    right = 0
    for start in range(0, len(images), 250):
        right += int((network(images[start : start + 250]).argmax(1) == classes[start : start + 250]).sum())
    network.train()
    return 100 * right / len(images)


def optimiser_of(network: nn.Module, recipe: Recipe) -> torch.optim.SGD:
    """Its learning rate is set at each step."""
    parameters = list(network.parameters())
    return torch.optim.SGD(
        [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": recipe.weight_decay},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ],
        momentum=recipe.momentum,
        nesterov=True,
        foreach=True,
    )


def train_epoch(
    network: nn.Module,
    optimiser: torch.optim.SGD,
    average: Average,
    images: Tensor,
    classes: Tensor,
    recipe: Recipe,
    epoch: int,
    random: torch.Generator,
) -> float:
    """Each image once, in whole batches; gives the mean loss."""
    device = images.device
    training_type = torch.autocast("cuda", torch.bfloat16, enabled=device.type == "cuda")
    order = torch.randperm(len(images), generator=random, device=device)
    steps = len(images) // recipe.batch
    total = torch.zeros((), device=device)
    bar = tqdm(range(steps), desc=f"epoch {epoch + 1}/{recipe.epochs}", disable=not sys.stderr.isatty())
    for step in bar:
        rate = recipe.rate(epoch + step / steps, steps)
        for group in optimiser.param_groups:
            group["lr"] = rate
        chosen = order[step * recipe.batch : (step + 1) * recipe.batch]
        batch = augment(images[chosen], recipe.erased_side, random)
        if epoch < round(recipe.small_part * recipe.epochs):
            side = (recipe.small_side, recipe.small_side)
            batch = F.interpolate(batch, side, mode="bilinear", antialias=True)
        with training_type:
            logits = network(batch.contiguous(memory_format=torch.channels_last))
        loss = F.cross_entropy(logits.float(), classes[chosen], label_smoothing=recipe.label_smoothing)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        average.update(network)
        total += loss.detach()
    return float(total) / steps


def write(path: Path, save: Any) -> None:
    """A file whole or not at all."""
    part = path.with_suffix(path.suffix + ".part")
    save(part)
    os.replace(part, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("spec", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the unpacked npm package")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rexnetc", default="rexnetc", help="the program that makes the module of the spec")
    parser.add_argument("--threads", type=int, default=1, help="on a CPU; one thread gives the same bits everywhere")
    parser.add_argument("--epochs", type=int, help="60 on a GPU, 30 on a CPU")
    parser.add_argument("-o", "--output", type=Path, required=True, help="a folder for weights, log and checkpoint")
    arguments = parser.parse_args()

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    recipe = Recipe.of(device, arguments.epochs)
    torch.set_num_threads(arguments.threads)
    torch.use_deterministic_algorithms(device.type == "cpu")
    # Nothing here reads memory that it has not written; to fill it first takes a tenth of the time.
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = device.type == "cuda"
    # A GPU trains in bf16, and is tested as a CPU is.
    torch.backends.cudnn.allow_tf32 = False
    arguments.output.mkdir(parents=True, exist_ok=True)
    checkpoint = arguments.output / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True, map_location=device)
        if state.get("seed") != arguments.seed or state.get("recipe") != asdict(recipe):
            parser.error(f"{checkpoint} is of another recipe or seed: give another folder as -o, or remove it")
        if len(state["log"]) == recipe.epochs and (arguments.output / "log.json").exists():
            return

    torch.manual_seed(arguments.seed)
    network = network_of(arguments.rexnetc, arguments.spec, arguments.output)
    network = network.to(device, memory_format=torch.channels_last)
    costs = json.loads(rexnetc(arguments.rexnetc, "info", str(arguments.spec), "--json"))
    preprocessing = costs["preprocessing"]
    mean, std = (torch.tensor(preprocessing[name], device=device).view(1, 3, 1, 1) for name in ("mean", "std"))

    def prepare(images: Tensor) -> Tensor:
        # The whole set fits in memory: 50,000 images are 614 MB.
        scaled = images.to(device).float().div_(preprocessing["scale"]).sub_(mean).div_(std)
        return scaled.contiguous(memory_format=torch.channels_last)

    images, classes = cifar10.load(arguments.data, train=True)
    images, classes = prepare(images), classes.to(device)
    test_images, test_classes = cifar10.load(arguments.data, train=False)
    test_images, test_classes = prepare(test_images), test_classes.to(device)

    optimiser = optimiser_of(network, recipe)
    average = Average(network, recipe.average_decay)
    log: list[dict[str, Any]] = []

    if checkpoint.exists():
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        average.tensors, average.steps = state["average"], state["steps"]
        log = state["log"]

    tested = network_of(arguments.rexnetc, arguments.spec, arguments.output).to(device, memory_format=torch.channels_last)
    for epoch in range(len(log), recipe.epochs):
        began = time.time()
        # An epoch's order and augmentation depend on seed and epoch only.
        random = torch.Generator(device).manual_seed(arguments.seed * 1000 + epoch)
        loss = train_epoch(network, optimiser, average, images, classes, recipe, epoch, random)
        tested.load_state_dict(average.tensors)
        log.append(
            {
                "epoch": epoch + 1,
                "loss": round(loss, 4),
                "test_top1": round(accuracy(tested, test_images, test_classes), 2),
                "seconds": round(time.time() - began),
            }
        )
        print(json.dumps(log[-1]), flush=True)
        state = {
            "network": network.state_dict(),
            "optimiser": optimiser.state_dict(),
            "average": average.tensors,
            "steps": average.steps,
            "log": log,
            "seed": arguments.seed,
            "recipe": asdict(recipe),
        }
        write(checkpoint, lambda path: torch.save(state, path))

    # Half precision, and without the counters of batches, which only training reads.
    halves = {
        name: tensor.half().contiguous().cpu() for name, tensor in average.tensors.items() if tensor.is_floating_point()
    }
    write(arguments.output / "weights.safetensors", lambda path: safetensors.torch.save_file(halves, path))
    record = {
        "network": costs["network"],
        "params": costs["params"],
        "macs": costs["macs"],
        "seed": arguments.seed,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {arguments.threads} thread(s)",
        "torch": torch.__version__,
        "recipe": asdict(recipe),
        "test_top1": log[-1]["test_top1"],
        "epochs": log,
    }
    write(arguments.output / "log.json", lambda path: path.write_text(json.dumps(record, indent=2) + "\n"))


if __name__ == "__main__":
    main()
