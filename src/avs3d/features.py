"""`PointFeatures`: features of points that were made elsewhere, by cameras for example."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PointFeatures:
    """Features of some of the points of a scan, in the space of a text encoder.

    Attributes:
        features: (M, C) float16 or float32, finite.
        mask: (N,) bool, True for the M points that have a feature, in their order.
        name: where they come from, for messages.
    """

    features: np.ndarray
    mask: np.ndarray
    name: str = "features"

    def __post_init__(self) -> None:
        features, mask = self.features, self.mask
        if features.ndim != 2 or features.dtype not in (np.float16, np.float32):
            raise ValueError(
                f"features must be (M, C) float16 or float32, got {features.shape} {features.dtype}"
            )
        if mask.ndim != 1 or mask.dtype != np.bool_:
            raise ValueError(f"mask must be (N,) bool, got {mask.shape} {mask.dtype}")
        if (count := int(mask.sum())) != len(features):
            raise ValueError(f"mask must name {len(features)} points, got {count}")
        if not np.isfinite(features).all():
            raise ValueError("features must be finite")

    def __len__(self) -> int:
        return len(self.mask)
