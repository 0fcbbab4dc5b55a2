"""A whole scan from a seed: world, sensor, rays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from avs3d.errors import UserError
from avs3d.simulation.categories import CATEGORIES
from avs3d.simulation.materials import Palette, draw_palette
from avs3d.simulation.places.layout import Layout, draw_layout
from avs3d.simulation.places.population import populate
from avs3d.simulation.places.specials import add_rare, add_specials
from avs3d.simulation.places.town import Town
from avs3d.simulation.sensing.beams import Beams, draw_beams
from avs3d.simulation.sensing.carrier import hide_behind_carrier
from avs3d.simulation.sensing.lidar import Target, cast, draw_mounting, vehicle_frame
from avs3d.simulation.sensing.response import Response
from avs3d.simulation.sensing.sensors import SENSORS, Sensor, draw_sensor
from avs3d.simulation.sensing.sweeps import Motion, draw_motion, draw_paces, skew, velocities
from avs3d.simulation.sensing.weather import Air
from avs3d.simulation.shapes.mesh import rotation

VIEWS = 3  # places in a world that are kept free for a sensor
MOST_POINTS = 150_000


@dataclass(frozen=True)
class SimulatedScan:
    """One simulated scan; N points, sweep after sweep, in the order of the sensor's rings.

    Attributes:
        points: (N, 3) float32, metres, sensor frame: the sensor at the origin, z up but for its
            pitch and roll, x anywhere.
        intensity: (N,) float32; 0-1, or whole numbers up to 100, 255 or 65535, as the sensor
            gives it.
        ring: (N,) int32, laser index.
        category: (N,) int32, index in `CATEGORIES`, or 255: nothing that has a name (rain, dust,
            the sensor's own vehicle).
        instance: (N,) int32, one per object; each kind of ground is one object; 65535 for nothing.
        sensor: its name in `SENSORS`.
        height: metres of the sensor above the ground below it.
        seed: of the world.
        view: number of the view of that world.
    """

    points: np.ndarray
    intensity: np.ndarray
    ring: np.ndarray
    category: np.ndarray
    instance: np.ndarray
    sensor: str
    height: float
    seed: int
    view: int = 0


@dataclass(frozen=True)
class _World:
    layout: Layout
    palette: Palette
    target: Target
    paces: np.ndarray


@dataclass(frozen=True)
class _Stand:
    """A sensor and where it is: s, t on the main road, and metres above it."""

    sensor: str
    s: float
    t: float
    height: float


def simulate(seed: int, sensor: str | None = None, *, held_out: bool = False) -> SimulatedScan:
    """Draws a world and scans it once.

    Args:
        seed: the same seed and sensor give the same bytes.
        sensor: a name in `SENSORS`; by default the seed draws one.
        held_out: with sensors, shapes and places that are kept apart for validation; never with
            one of them otherwise.

    Raises:
        UserError: no such sensor.
    """
    return simulate_many(seed, 1, sensor, held_out=held_out)[0]


def simulate_many(
    seed: int, count: int, sensor: str | None = None, *, held_out: bool = False
) -> list[SimulatedScan]:
    """Draws one world and scans it `count` times: other sensors, other places along the road.

    A view does not depend on how many there are. The arguments are those of `simulate`.

    Raises:
        UserError: no such sensor.
    """
    return list(_views(seed, range(count), sensor, held_out))


def simulate_view(seed: int, view: int, *, held_out: bool = False) -> SimulatedScan:
    """Number `view` of the scans of `simulate_many`."""
    return next(_views(seed, range(view, view + 1), None, held_out))


def simulate_drive(
    seed: int, count: int, sensor: str, *, step: float = 0.5
) -> Iterator[tuple[SimulatedScan, np.ndarray]]:
    """Draws one world and scans it from a car that goes along its main road; nothing else moves.

    Args:
        seed: as `simulate`.
        count: scans; `view` is their number.
        sensor: a name in `SENSORS` with one head.
        step: metres from scan to scan.

    Yields:
        A scan, and its pose: (4, 4) float64 metres, world from the scan's frame.

    Raises:
        UserError: no such sensor.
    """
    kind = _sensor(sensor)
    rng, own = np.random.default_rng(seed), np.random.default_rng([seed, 0])
    layout = draw_layout(rng)
    t, height = layout.lanes[own.integers(len(layout.lanes))], own.uniform(*kind.height)
    sign = -1 if _goes_back(layout, t) else 1
    places = sign * step * (np.arange(count) - (count - 1) / 2)
    stands = [_Stand(sensor, s, t, height) for s in places.tolist()]
    world = _build(rng, layout, stands, held_out=False)
    mounting, beams = draw_mounting(own, kind), draw_beams(own, kind)
    response = Response(own, kind, len(kind.elevation), own.uniform(*kind.reach))
    still, air, carrier = Motion(0.0, 0.0, 1, 0.1, 0.0, 0.0), Air(own, response.reach), 0
    for view, stand in enumerate(stands):
        run = _Run(world, stand, still, response, air, mounting, beams, carrier)
        points, intensity, ring, category, instance = run.sweep(
            np.random.default_rng([seed, 1 + view]), 0, 0
        )
        frame, place = _pose(layout, stand, 0.0)
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = frame @ mounting, place
        yield (
            SimulatedScan(points, intensity, ring, category, instance, sensor, height, seed, view),
            pose,
        )


def _views(seed: int, views: range, sensor: str | None, held_out: bool) -> Iterator[SimulatedScan]:
    if sensor is not None:
        _sensor(sensor)
    rng = np.random.default_rng(seed)
    layout = draw_layout(rng, held_out=held_out)
    # Each view has its own generator, so that it is the same whichever others are made.
    draws = [np.random.default_rng([seed, 1 + k]) for k in range(max(VIEWS, views.stop))]
    stands = [_stand(draw, layout, k, sensor, held_out) for k, draw in enumerate(draws)]
    world = _build(rng, layout, stands[:VIEWS], held_out)
    for view in views:
        yield _scan(draws[view], world, stands[view], seed, view)


def _sensor(name: str) -> Sensor:
    if name not in SENSORS:
        raise UserError(f"no sensor {name!r}; choose one of {', '.join(SENSORS)}")
    return SENSORS[name]


def _stand(
    rng: np.random.Generator, layout: Layout, view: int, sensor: str | None, held_out: bool
) -> _Stand:
    """Mostly in a lane, robots also on the sidewalk."""
    name = sensor or draw_sensor(rng, held_out=held_out)
    kind = SENSORS[name]
    t = layout.lanes[rng.integers(len(layout.lanes))] + rng.normal(0, 0.3)
    height = rng.uniform(*kind.height)
    if kind.mount != "front" and height < 1.4 and rng.random() < layout.place.robot:
        side = int(rng.choice([-1, 1]))
        part = layout.sides[0 if side > 0 else 1]
        walk = part.walk or (0.5, 2.0)
        t = side * (layout.ground.roads[0].half + rng.uniform(*walk))
    s = 0.0 if view == 0 else float(rng.choice([-1, 1]) * rng.uniform(5, 22))
    return _Stand(name, s, float(t), height)


def _build(
    rng: np.random.Generator, layout: Layout, stands: list[_Stand], held_out: bool
) -> _World:
    palette = draw_palette(rng)
    town = Town(rng, layout, held_out=held_out)
    for stand in stands:  # the vehicles that carry the sensors
        for offset in (-1.6, 0.0, 1.6):
            x, y, _ = layout.ground.roads[0].pose(stand.s + offset, stand.t)
            town.scene.reserve(x, y, 1.5)
    add_specials(town)
    add_rare(town)
    populate(town)
    solid = town.scene.build(rng, palette, first_instance=len(CATEGORIES))
    paces = draw_paces(rng, layout)
    target = Target(solid, velocities(rng, layout, solid, paces))
    return _World(layout, palette, target, paces)


def _scan(
    rng: np.random.Generator, world: _World, stand: _Stand, seed: int, view: int
) -> SimulatedScan:
    sensor = SENSORS[stand.sensor]
    reach = rng.uniform(*sensor.reach)
    if rng.random() < 0.06:  # somebody cut the scan
        reach = max(10.0, reach * rng.uniform(0.2, 0.8))
    lane = int(np.argmin(np.abs(np.array(world.layout.lanes) - stand.t)))
    run = _Run(
        world,
        stand,
        draw_motion(rng, sensor, float(world.paces[lane])),
        Response(rng, sensor, len(sensor.elevation), reach),
        Air(rng, reach),
        draw_mounting(rng, sensor),
        draw_beams(rng, sensor),
        carrier=int(rng.integers(2**31)),
    )
    columns = [
        run.sweep(rng, number, head)
        for number in range(run.motion.count)
        for head in range(len(sensor.heads))
    ]
    arrays = [np.concatenate(parts) for parts in zip(*columns, strict=True)]
    if len(arrays[0]) > MOST_POINTS:
        kept = np.sort(rng.choice(len(arrays[0]), MOST_POINTS, replace=False))
        arrays = [array[kept] for array in arrays]
    points, intensity, ring, category, instance = arrays
    return SimulatedScan(
        points, intensity, ring, category, instance, stand.sensor, stand.height, seed, view
    )


@dataclass(frozen=True)
class _Run:
    """All that the sweeps of one scan share; `carrier` is the seed of the sensor's vehicle."""

    world: _World
    stand: _Stand
    motion: Motion
    response: Response
    air: Air
    mounting: np.ndarray
    beams: Beams
    carrier: int

    def sweep(self, rng: np.random.Generator, number: int, head: int) -> tuple[np.ndarray, ...]:
        """Points, intensity, ring, category, instance of the sweep `number` intervals ago."""
        world, stand, motion = self.world, self.stand, self.motion
        sensor = SENSORS[stand.sensor]
        time = -number * motion.interval
        now, here = _pose(world.layout, stand, 0.0)
        frame, origin = _pose(world.layout, stand, time * motion.speed)
        x, y, roll, pitch = sensor.heads[head]
        origin = origin + frame @ (x, y, 0.0)
        turned = frame @ rotation(0, np.radians(pitch), np.radians(roll)) @ self.mounting
        step = motion.step(len(self.beams.rays))
        beams = self.beams.thin(step, number % step) if step > 1 else self.beams
        rays = np.ascontiguousarray(beams.rays @ turned.T.astype(np.float32))
        reach = self.response.reach
        found = cast(rng, world.target, world.layout.ground, world.palette, origin, rays, reach,
                     time, self.response.width)  # fmt: skip
        own = np.random.default_rng(self.carrier)
        hide_behind_carrier(own, found, rays @ frame.astype(np.float32), sensor, stand.height)
        self.air.fill(found, rays)
        echoes = self.response.measure(found, beams)
        points = beams.rays[echoes.ray] * echoes.range[:, None]
        if motion.skew:
            points = skew(points, beams.time[echoes.ray], motion, turned.T @ frame[:, 0])
        if number or len(sensor.heads) > 1:
            drift = rng.normal(0, motion.drift, 3) if number else np.zeros(3)
            points = (points @ turned.T + (origin - here + drift)) @ (now @ self.mounting)
        return (
            points.astype(np.float32),
            echoes.intensity,
            beams.ring[echoes.ray] + np.int32(head * len(sensor.elevation)),
            found.category[echoes.source],
            found.instance[echoes.source],
        )


def _goes_back(layout: Layout, t: float) -> bool:
    """Whether the traffic of a lane goes against the road's own direction."""
    return t > 0 and not layout.one_way


def _pose(layout: Layout, stand: _Stand, on: float) -> tuple[np.ndarray, np.ndarray]:
    """Vehicle-to-world rotation and the sensor's place, `on` metres further along its lane."""
    back = _goes_back(layout, stand.t)
    x, y, heading = layout.ground.roads[0].pose(stand.s + (-on if back else on), stand.t)
    frame = vehicle_frame(layout.ground, x, y, heading + np.pi * back)
    z = float(layout.ground.height(np.array([x]), np.array([y]))[0])
    return frame, np.array([x, y, z + stand.height])
