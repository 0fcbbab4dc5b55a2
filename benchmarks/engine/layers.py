"""What each convolution of a network has to compute and move, and how long it takes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import torch

from avs3d.models.minkunet import MinkUNet
from avs3d.sparse import KernelMap, SparseTensor, modules


@dataclass
class Layer:
    """One convolution: the real pairs of its kernel map, and the fastest of its runs.

    Attributes:
        kernel: K**3, C_in, C_out.
        rows: output rows.
        pairs: of the kernel map.
        seconds: of the fastest run, BatchNorm, residual and ReLU included.
    """

    kernel: tuple[int, int, int]
    rows: int
    pairs: int
    seconds: float = field(default=float("inf"))

    @property
    def flop(self) -> float:
        """Multiply-adds x 2."""
        return 2.0 * self.pairs * self.kernel[1] * self.kernel[2]

    @property
    def bytes_moved(self) -> float:
        """What the engine reads and writes: gathered rows and products twice, the output once."""
        _, c_in, c_out = self.kernel
        gathered = self.pairs - (self.rows if self.kernel[0] in (27, 125) else 0)
        if self.kernel[0] == 1:
            gathered = 0
        moved = 2 * gathered * (c_in + c_out) + self.rows * (c_in + c_out)
        return 4.0 * (moved + self.kernel[0] * c_in * c_out)


def measure_layers(
    network: MinkUNet, x: SparseTensor, repeats: int = 1, last: bool = True
) -> dict[str, Layer]:
    """Name -> layer, of the network's trunk and, if asked for, its last layer."""
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    layers: dict[str, Layer] = {}

    def timed(function: Any) -> Any:
        def call(features: torch.Tensor, kernel: torch.Tensor, *rest: Any) -> torch.Tensor:
            began = time.perf_counter()
            out = function(features, kernel, *rest)
            taken = time.perf_counter() - began
            name = names[id(kernel)].removesuffix(".kernel")
            pairs = rest[0].n_pairs if isinstance(rest[0], KernelMap) else len(out)
            shape = tuple(kernel.shape) if kernel.ndim == 3 else (1, *kernel.shape)
            layer = layers.setdefault(name, Layer(shape, len(out), pairs))
            layer.seconds = min(layer.seconds, taken)
            return out

        return call

    with (
        torch.inference_mode(),
        mock.patch.object(modules, "sparse_conv", timed(modules.sparse_conv)),
        mock.patch.object(modules, "pointwise_conv", timed(modules.pointwise_conv)),
    ):
        for _ in range(repeats):
            trunk = network.trunk(x)
            if last:
                timed(lambda features, kernel, _: features @ kernel)(
                    trunk.features, network.final.kernel, None
                )
    return layers


def operations(network: MinkUNet, x: SparseTensor, last: bool = True) -> float:
    """Multiply-adds x 2 over the real pairs of the kernel maps."""
    return sum(layer.flop for layer in measure_layers(network, x, last=last).values())
