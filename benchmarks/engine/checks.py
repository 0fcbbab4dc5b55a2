"""What must hold whatever the speed: the same result again, in any order, on any threads."""

from __future__ import annotations

import hashlib
from typing import Any

import torch

from avs3d.models.minkunet import MinkUNet


@torch.inference_mode()
def check(coords: torch.Tensor) -> dict[str, Any]:
    """Prints and returns what was found."""
    torch.manual_seed(0)
    net = MinkUNet.variant("18A", 3, 96).eval()
    features, order = torch.rand(len(coords), 3), torch.randperm(len(coords))
    everything = torch.get_num_threads()
    outputs = {}
    for threads in (1, 2, 4):
        torch.set_num_threads(threads)
        outputs[threads] = net(coords, features)
    torch.set_num_threads(1)
    again, shuffled = net(coords, features), net(coords[order], features[order])
    torch.set_num_threads(everything)
    report = {
        "same_bytes_on_one_thread": _hash(again) == _hash(outputs[1]),
        "same_bytes_in_any_order": _hash(shuffled) == _hash(outputs[1][order]),
        "largest_difference_across_threads": max(
            (outputs[threads] - outputs[1]).abs().max().item() for threads in outputs
        ),
        "largest_output": outputs[1].abs().max().item(),
    }
    print("\n" + ", ".join(f"{key.replace('_', ' ')}: {value}" for key, value in report.items()))
    return report


def _hash(values: torch.Tensor) -> str:
    return hashlib.sha256(values.contiguous().numpy().tobytes()).hexdigest()
