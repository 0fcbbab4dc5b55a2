"""What the rays of a sweep met, before the sensor measures it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NOTHING = 255  # category of what has no name: rain, dust, the sensor's own vehicle
NOBODY = 65535  # its instance


@dataclass
class Returns:
    """What the rays of one sweep met; (N,) each, `range` inf where nothing."""

    range: np.ndarray
    category: np.ndarray
    instance: np.ndarray
    reflectance: np.ndarray
    loss: np.ndarray
    cosine: np.ndarray

    def blame(
        self, rays: np.ndarray, away: np.ndarray, reflectance: float | np.ndarray, loss: float
    ) -> None:
        """The rays numbered `rays` ended `away` metres off on something without a name."""
        self.range[rays] = away
        self.category[rays] = NOTHING
        self.instance[rays] = NOBODY
        self.reflectance[rays] = reflectance
        self.loss[rays] = loss
        self.cosine[rays] = 1.0
