"""Prints what `study.rs` expects: rank and effective rank of each feature map of models/rexnet_cifar10 on its ten examples.

    rexnetc compile models/rexnet_cifar10/rexnet_cifar10.rexnet --emit pytorch -o network.py
    python feature_maps.py          # beside network.py, with PyTorch, NumPy, Pillow and safetensors; in the repository's root
"""

from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from PIL import Image

from network import Network

MODEL = Path("models/rexnet_cifar10")
network = Network()
weights = safetensors.torch.load_file(MODEL / "weights.safetensors")
network.load_state_dict({name: tensor.float() for name, tensor in weights.items()}, strict=False)
network.eval().double()
pixels = np.stack([np.asarray(Image.open(file)) for file in sorted(MODEL.glob("examples/*/*.png"))]) / 255
inputs = (pixels - [0.4914, 0.4822, 0.4465]) / [0.247, 0.2435, 0.2616]


def tell(name: str, value: torch.Tensor) -> None:
    if value.ndim != 4 or value.shape[2] == 1:
        return
    matrix = value.transpose(0, 1).reshape(value.shape[1], -1).numpy()
    singular = np.linalg.svd(matrix, compute_uv=False)
    singular = singular[singular > 1e-5 * singular[0]]
    parts = singular / singular.sum()
    effective = np.exp(-(parts * np.log(parts)).sum())
    print(name, matrix.shape, (singular > 0.05 * singular[0]).sum(), round(effective, 4))


for name, module in network.named_modules():
    module.register_forward_hook(lambda _module, _inputs, output, name=name: tell(name, output))
with torch.no_grad():
    network(torch.from_numpy(inputs).permute(0, 3, 1, 2))
