"""What is in the air: rain, snow, fog, dust, the sun, other sensors' light."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.sensing.returns import Returns

# kind: how often, share of the rays that end on it, middle range in metres, loss per metre
_KINDS: dict[str, tuple[float, tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    "rain": (0.05, (0.001, 0.03), (2.0, 6.0), (0.0005, 0.006)),
    "snow": (0.04, (0.005, 0.10), (2.0, 7.0), (0.001, 0.010)),
    "fog": (0.03, (0.005, 0.12), (1.5, 5.0), (0.005, 0.035)),
}


class Air:
    """One scan's air, mostly clear; drawn once and kept for all its sweeps.

    Args:
        reach: metres.
    """

    def __init__(self, rng: np.random.Generator, reach: float) -> None:
        self.rng, self.reach = rng, reach
        often = [kind[0] for kind in _KINDS.values()]
        kind = int(rng.choice(len(often) + 1, p=[*often, 1 - sum(often)]))
        self.drops: tuple[float, float, float, float] | None = None
        if kind < len(often):
            _, share, middle, loss = list(_KINDS.values())[kind]
            self.drops = (
                rng.uniform(*share), rng.uniform(*middle), rng.uniform(*loss),
                rng.uniform(0.02, 0.25),
            )  # fmt: skip
        count = rng.integers(1, 4) if rng.random() < 0.05 else 0
        low, high = (3, -1.8, 0.4, 0.1, 0.05), (18, 0.0, 2.5, 0.8, 0.35)
        self.clouds = rng.uniform((0, *low), (2 * np.pi, *high), (count, 6))
        self.sun = rng.uniform((0, 3, -0.3, 0.4), (2 * np.pi, 14, -0.02, 0.97))
        self.is_low_sun = rng.random() < 0.04
        self.stray = rng.uniform(1e-4, 2e-3) if rng.random() < 0.12 else 0.0

    def fill(self, found: Returns, rays: np.ndarray) -> None:
        """Lets some rays end in the air, or lose their way.

        Args:
            rays: (N, 3) unit vectors, z up.
        """
        if self.drops:
            self._fall(found, *self.drops)
        for turn, away, up, radius, dense, bright in self.clouds:
            middle = np.array([away * np.cos(turn), away * np.sin(turn), up])
            self._cloud(found, rays, middle, radius, dense, bright)
        if self.is_low_sun:
            self._dazzle(found, rays, *self.sun)
        if self.stray:
            self._wander(found, self.rng.random(len(rays)) < self.stray)

    def _end(self, found: Returns, rays: np.ndarray, away: np.ndarray, bright: float) -> None:
        """Rays end earlier than they would have."""
        first = away < found.range[rays]
        shine = bright * self.rng.uniform(0.3, 1.7, int(first.sum()))
        found.blame(rays[first], away[first], shine, 0.0)

    def _wander(self, found: Returns, which: np.ndarray) -> None:
        rays = np.flatnonzero(which)
        away = self.rng.uniform(1.0, self.reach, len(rays))
        self._end(found, rays, away, self.rng.uniform(0.02, 0.5))

    def _fall(
        self, found: Returns, share: float, middle: float, loss: float, bright: float
    ) -> None:
        """Drops and flakes, seen near the sensor only; they weaken what lies behind."""
        survives = np.exp(-loss * np.minimum(found.range, 1000.0))
        found.loss = 1 - (1 - found.loss) * survives
        met = np.flatnonzero(self.rng.random(len(found.range)) < share)
        away = 0.6 + self.rng.gamma(1.6, middle / 1.6, len(met))
        self._end(found, met, away, bright)

    def _cloud(
        self, found: Returns, rays: np.ndarray, middle: np.ndarray, radius: float,
        dense: float, bright: float,
    ) -> None:  # fmt: skip
        """Dust or exhaust: a ball of which the rays see the front half, ragged."""
        along = rays @ middle.astype(np.float32)
        off = middle @ middle - along**2
        inside = (along > 0) & (off < radius**2)
        met = np.flatnonzero(inside & (self.rng.random(len(rays)) < dense))
        chord = np.sqrt(radius**2 - off[met])
        depth = along[met] + chord * np.clip(self.rng.normal(-0.3, 0.5, len(met)), -1, 1)
        self._end(found, met, np.maximum(depth, 0.5), bright)

    def _dazzle(
        self, found: Returns, rays: np.ndarray, turn: float, half: float, low: float, loss: float
    ) -> None:
        """The sector in which the low sun drowns most pulses."""
        off = np.mod(np.arctan2(rays[:, 1], rays[:, 0]) - turn + np.pi, 2 * np.pi) - np.pi
        blind = (np.abs(off) < np.radians(half)) & (rays[:, 2] > low)
        found.loss = np.where(blind, np.maximum(found.loss, loss), found.loss)
        self._wander(found, blind & (self.rng.random(len(rays)) < 0.02))
