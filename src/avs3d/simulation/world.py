"""A whole scan from a seed: world, sensor, rays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avs3d.errors import UserError
from avs3d.simulation.categories import CATEGORIES
from avs3d.simulation.layout import Layout, draw_layout
from avs3d.simulation.lidar import attitude, cast, draw_beams, measure
from avs3d.simulation.materials import draw_palette
from avs3d.simulation.population import populate
from avs3d.simulation.sensors import SENSORS
from avs3d.simulation.specials import add_rare, add_specials
from avs3d.simulation.town import Town


@dataclass(frozen=True)
class SimulatedScan:
    """One simulated scan; N points, in the order of the sensor's rings.

    Attributes:
        points: (N, 3) float32, metres, sensor frame: the sensor at the origin, z up but for its
            pitch and roll, x anywhere.
        intensity: (N,) float32; 0-255 (whole) or 0-1, as the sensor gives it.
        ring: (N,) int32, laser index.
        category: (N,) int32, index in `CATEGORIES`.
        instance: (N,) int32, one per object; each kind of ground is one object.
        sensor: its name in `SENSORS`.
        height: metres of the sensor above the ground below it.
        seed: what it was made from.
    """

    points: np.ndarray
    intensity: np.ndarray
    ring: np.ndarray
    category: np.ndarray
    instance: np.ndarray
    sensor: str
    height: float
    seed: int


def simulate(seed: int, sensor: str | None = None) -> SimulatedScan:
    """Draws a world and scans it once.

    Args:
        seed: the same seed and sensor give the same bytes.
        sensor: a name in `SENSORS`; by default the seed draws one.

    Raises:
        UserError: no such sensor.
    """
    if sensor is not None and sensor not in SENSORS:
        raise UserError(f"no sensor {sensor!r}; choose one of {', '.join(SENSORS)}")
    rng = np.random.default_rng(seed)
    names = tuple(SENSORS)
    drawn = names[rng.integers(len(names))]
    kind = SENSORS[sensor or drawn]
    layout = draw_layout(rng)
    palette = draw_palette(rng)
    x, y, height = _stand(rng, layout, kind.height)
    town = Town(rng, layout)
    for offset in (-1.6, 0.0, 1.6):  # the vehicle that carries the sensor
        town.scene.reserve(x + offset, y, 1.5)
    add_specials(town)
    add_rare(town)
    populate(town)
    solid = town.scene.build(rng, palette, first_instance=len(CATEGORIES))

    ground = layout.ground
    z, zx, zy = ground.height(np.array([x, x + 1, x]), np.array([y, y, y + 1]))
    origin = np.array([x, y, z + height])
    stand = attitude(rng, kind, (float(zx - z), float(zy - z)))
    beams = draw_beams(rng, kind)
    reach = rng.uniform(*kind.reach)
    rays = np.ascontiguousarray(beams.rays @ stand.T.astype(np.float32))
    found = cast(rng, solid, ground, palette, origin, rays, reach)
    if height > 1.4:
        _hide_behind_own_roof(rng, found.range, rays)
    kept, ranges, intensity = measure(rng, kind, found, beams, reach)
    return SimulatedScan(
        points=beams.rays[kept] * ranges[:, None],
        intensity=intensity,
        ring=beams.ring[kept],
        category=found.category[kept],
        instance=found.instance[kept],
        sensor=sensor or drawn,
        height=height,
        seed=seed,
    )


def _hide_behind_own_roof(rng: np.random.Generator, ranges: np.ndarray, rays: np.ndarray) -> None:
    """Drops the rays that end on the vehicle itself, whose roof is a flat box below the sensor."""
    below = rng.uniform(0.2, 0.9)
    half = below * rng.uniform((0.5, 0.5), (3.5, 1.8))
    with np.errstate(divide="ignore", invalid="ignore"):
        run = below / np.maximum(-rays[:, 2], 1e-6)
    own = (np.abs(run * rays[:, 0]) < half[0]) & (np.abs(run * rays[:, 1]) < half[1])
    ranges[own] = np.inf


def _stand(
    rng: np.random.Generator, layout: Layout, height: tuple[float, float]
) -> tuple[float, float, float]:
    """x, y and height of the sensor: mostly in a lane, robots also on the sidewalk."""
    t = layout.lanes[rng.integers(len(layout.lanes))] + rng.normal(0, 0.3)
    up = rng.uniform(*height)
    if up < 1.4 and rng.random() < 0.5:
        side = int(rng.choice([-1, 1]))
        part = layout.sides[0 if side > 0 else 1]
        walk = part.walk or (0.5, 2.0)
        t = side * (layout.ground.roads[0].half + rng.uniform(*walk))
    x, y, _ = layout.ground.roads[0].pose(0.0, t)
    return x, y, up
