"""What the sensor makes of what its rays met: which echoes, how far, how strong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avs3d.simulation.sensing.beams import Beams
from avs3d.simulation.sensing.returns import Returns
from avs3d.simulation.sensing.sensors import Sensor


@dataclass(frozen=True)
class Echoes:
    """Points as the sensor reports them; (K,) each, in ray order.

    Attributes:
        ray: int64, the ray that brought it.
        source: int64, the ray that met the same thing; another one where a beam is wide.
        range: float32 metres; intensity: float32, in the sensor's scale.
    """

    ray: np.ndarray
    source: np.ndarray
    range: np.ndarray
    intensity: np.ndarray


class Response:
    """One sensor's ways, drawn once and kept for all its sweeps.

    Args:
        rings: number of its rings.
        reach: metres.
    """

    def __init__(self, rng: np.random.Generator, sensor: Sensor, rings: int, reach: float) -> None:
        self.rng, self.sensor, self.reach = rng, sensor, reach
        self.mixing = rng.uniform(0.02, 0.2)
        self.bloom = rng.uniform(0.2, 0.9) if rng.random() < 0.25 else 0.0
        self.echo = str(rng.choice(["strongest", "last", "both"], p=[0.76, 0.14, 0.10]))
        self.slant, self.falloff = rng.uniform(0.2, 1.0), rng.uniform(*sensor.falloff)
        self.gain, self.gamma = rng.uniform(*sensor.gain), rng.uniform(*sensor.gamma)
        self.floor = rng.uniform(*sensor.floor)
        self.near = rng.uniform(1.0, 5.0) if rng.random() < 0.3 else 0.0
        self.drop = rng.uniform(0.0, 0.03) + (rng.random() < 0.1) * rng.uniform(0.05, 0.35)
        self.threshold = 10 ** rng.uniform(-6.0, -4.9)
        self.blind = rng.uniform(0.35, 0.8)
        self.bias = rng.normal(0, rng.uniform(*sensor.bias), rings)
        self.strength = rng.normal(1, rng.uniform(0, 0.1), rings)
        self.weak = np.zeros(rings)
        if rng.random() < 0.15:
            self.weak[rng.integers(0, rings, rng.integers(1, 4))] = rng.uniform(0.3, 1.0)
        self.noise = rng.uniform(*sensor.noise)
        self.width = rng.uniform(*sensor.width)
        self.noise_far, self.noise_slant = rng.uniform(0, 1.0), rng.uniform(0, 0.5)

    def measure(self, found: Returns, beams: Beams) -> Echoes:
        """Ranges and intensities as the sensor reports them."""
        rng = self.rng
        ranges = self._mixed(found.range.reshape(beams.rings, beams.columns))
        ray, source, ranges = self._echoes(ranges, found, beams)
        shine, cosine = found.reflectance[source], found.cosine[source]
        with np.errstate(invalid="ignore", divide="ignore"):
            faint = shine * np.clip(cosine, 0.02, 1) / np.maximum(ranges, 1) ** 2
        lost = rng.random(len(ray)) < found.loss[source] + self.drop + self.weak[beams.ring[ray]]
        lost |= faint < self.threshold * np.exp(rng.normal(0, 0.4, len(ray)))
        near = (ranges > self.blind) & (ranges < self.reach)
        kept = np.flatnonzero(np.isfinite(ranges) & ~lost & near)
        ray, source, ranges = ray[kept], source[kept], ranges[kept]
        return Echoes(
            ray,
            source,
            self._ranges(ranges, cosine[kept], beams.ring[ray]),
            self._intensity(ranges, shine[kept], cosine[kept], beams.ring[ray]),
        )

    def _mixed(self, r: np.ndarray) -> np.ndarray:
        """(N,) ranges, some of them between an edge and what lies behind it."""
        jump = _jump(r)
        mixed = (np.abs(jump) > 0.3) & (np.abs(jump) < 3.0)
        mixed &= self.rng.random(r.shape) < self.mixing
        blurred = r.copy()
        blurred[mixed] += jump[mixed] * self.rng.uniform(0, 0.5, int(mixed.sum()))
        return blurred.ravel()

    def _echoes(
        self, ranges: np.ndarray, found: Returns, beams: Beams
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rays, sources and ranges of all echoes, before any is lost."""
        every = np.arange(len(ranges))
        source = every.copy()
        if self.bloom:
            self._spread(source, ranges, found, beams)
        jump = _jump(found.range.reshape(beams.rings, beams.columns)).ravel()
        behind = (jump > 0.5) & (source == every) & (self.rng.random(len(ranges)) < 0.35)
        second = np.flatnonzero(behind)
        follower = second + 1
        if self.echo == "last":
            source[second] = follower
            ranges[second] = found.range[follower]
        if self.echo != "both":
            return every, source, ranges
        ray = np.concatenate([every, second])
        order = np.argsort(ray, kind="stable")
        source = np.concatenate([source, follower])
        ranges = np.concatenate([ranges, found.range[follower]])
        return ray[order], source[order], ranges[order]

    def _spread(self, source: np.ndarray, ranges: np.ndarray, found: Returns, beams: Beams) -> None:
        """Rays that pass a strong reflector closely see it too."""
        strong = np.flatnonzero((found.reflectance > 1.5) & (ranges < 40))
        step = 360.0 / max(beams.columns, 1)
        wide = int(np.ceil(self.rng.uniform(0.2, 0.9) / step))
        row, column = np.divmod(strong, beams.columns)
        for up in (-1, 0, 1):
            for aside in range(-wide, wide + 1):
                at_row, at_column = row + up, column + aside
                ok = (at_row >= 0) & (at_row < beams.rings)
                ok &= (at_column >= 0) & (at_column < beams.columns)
                ok &= self.rng.random(len(ok)) < self.bloom * (0.5 if up else 0.9)
                to, of = (at_row * beams.columns + at_column)[ok], strong[ok]
                farther = ranges[to] > found.range[of] + 0.3
                source[to[farther]] = of[farther]
                ranges[to[farther]] = found.range[of[farther]]

    def _ranges(self, r: np.ndarray, cosine: np.ndarray, ring: np.ndarray) -> np.ndarray:
        spread = self.noise * (1 + self.noise_far * (r / 60) ** 1.5)
        spread *= 1 + self.noise_slant * np.minimum(1 / np.maximum(cosine, 0.1) - 1, 4)
        r = r + spread * self.rng.normal(0, 1, len(r)) + self.bias[ring]
        r = np.round(r / self.sensor.quantum) * self.sensor.quantum
        return np.maximum(r, 0.3).astype(np.float32)

    def _intensity(
        self, r: np.ndarray, shine: np.ndarray, cosine: np.ndarray, ring: np.ndarray
    ) -> np.ndarray:
        power = shine * np.clip(cosine, 0.05, 1) ** self.slant
        power = power * (8.0 / np.clip(r, 4.0, None)) ** self.falloff
        if self.near:
            power *= np.clip(r / self.near, 0.1, 1.0)
        power = power * self.strength[ring] * self.gain
        power = np.clip(power * np.exp(self.rng.normal(0, 0.08, len(r))), 0, None)
        value = np.clip(power**self.gamma, 0, 1)
        value[value < self.floor * np.exp(self.rng.normal(0, 0.3, len(r)))] = 0.0
        levels, scale = self.sensor.levels, self.sensor.scale
        return (np.round(value * levels) * (scale / levels)).astype(np.float32)


def _jump(r: np.ndarray) -> np.ndarray:
    """(R, A) metres from each ray to the next of its ring; 0 where either met nothing."""
    jump = np.zeros_like(r)
    with np.errstate(invalid="ignore"):
        jump[:, :-1] = r[:, 1:] - r[:, :-1]
    return np.where(np.isfinite(jump), jump, 0.0)
