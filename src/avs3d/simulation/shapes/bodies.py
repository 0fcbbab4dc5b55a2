"""Bodies of road vehicles: skins drawn over cross-sections, cabins with windows, wheels, lamps."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from avs3d.simulation.shapes.mesh import Outline, Shape, Template, Vector

_SIDES = np.array([-1.0, 1.0])


def loft(shape: Shape, materials: np.ndarray, rings: np.ndarray) -> None:
    """A skin over cross-sections; rings (n, k, 3), materials (n - 1, k - 1) names."""
    low, high = rings[:-1], rings[1:]
    corners = np.stack([low[:, :-1], high[:, :-1], high[:, 1:], low[:, 1:]], axis=2)
    for name in dict.fromkeys(materials.ravel().tolist()):
        shape.quads(name, corners[materials == name])


def centred(shape: Shape) -> Template:
    """The finished shape, its middle along x above the origin."""
    made = shape.finish()
    x = made.vertices[:, 0]
    x -= (x.min() + x.max()) / 2
    return made


def cap(shape: Shape, material: str, ring: np.ndarray) -> None:
    """Closes the end of a skin with a fan; ring (k, 3), about convex."""
    n = len(ring)
    fan = np.stack([np.zeros(n - 2, int), np.arange(1, n - 1), np.arange(2, n)], 1)
    shape.add(material, ring, fan)


def sliced(shape: Shape, material: str, slices: Outline, square: float = 3.0) -> None:
    """A rounded body piled up from below: slices (n, 4) of z, rear x, front x, half width."""
    z, rear, front, half = np.asarray(slices, float).T
    turn = 2 * np.pi * np.arange(21) / 20
    c, s = np.cos(turn), np.sin(turn)
    round_x, round_y = (np.sign(v) * np.abs(v) ** (2 / square) for v in (c, s))
    x = ((front + rear) / 2)[:, None] + ((front - rear) / 2)[:, None] * round_x
    rings = np.stack([x, half[:, None] * round_y, np.repeat(z[:, None], 21, 1)], -1)
    loft(shape, np.full((len(z) - 1, 20), material), rings)
    cap(shape, material, rings[-1, :-1])
    cap(shape, material, rings[0, :-1])


def axles(shape: Shape, xs: Vector, half: float, radius: float, width: float) -> None:
    """Two wheels at every x, their outer faces at y = +-half."""
    for x in np.asarray(xs, float):
        for side in (-1, 1):
            shape.wheel((x, side * (half - width / 2 + 0.015), radius), radius, width)


def plates_and_lamps(
    shape: Shape, front: float, rear: float, half: float, z: float, plate_z: float
) -> None:
    for x, lens in ((front, "lamp glass"), (rear, "plate")):
        for side in (-1, 1):
            shape.box(lens, (x, side * half * 0.78, z), (0.05, half * 0.3, 0.13))
        shape.box("retro", (x * 1.004, 0, plate_z), (0.03, 0.5, 0.11))


@dataclass(frozen=True)
class Body:
    """Measures of a car or van, in metres; x of the front is length / 2.

    Attributes:
        bonnet, boot: lengths of what lies before and behind the cabin.
        belt: height of the lower edge of the windows; nose, deck: of the ends there.
        rake_front, rake_rear: metres that the windows lean per metre of height.
        sill: height of the underside; wheel: radius of the wheels; base: their distance.
        roof: width of the roof as a share of the body's.
        bend: how far the roof sinks at its ends; round: how far the ends curve in the plan.
        hollows: (x0, x1, depth) of an open bed or seats, as shares of nothing: metres.
    """

    length: float
    width: float
    height: float
    bonnet: float
    boot: float
    belt: float
    nose: float
    deck: float
    rake_front: float
    rake_rear: float
    sill: float
    wheel: float
    base: float
    shift: float = 0.0
    roof: float = 0.8
    bend: float = 0.06
    round: float = 0.12
    hollows: tuple[tuple[float, float, float], ...] = field(default=())

    @property
    def half(self) -> float:
        return self.width / 2

    @property
    def cowl(self) -> float:
        """x of the lower edge of the windscreen."""
        return self.length / 2 - self.bonnet

    @property
    def stern(self) -> float:
        """x of the lower edge of the rear window."""
        return -self.length / 2 + self.boot

    @property
    def head(self) -> float:
        """x of the roof's front edge."""
        return self.cowl - self.rake_front * (self.height - self.belt)

    @property
    def tail(self) -> float:
        """x of the roof's rear edge."""
        return min(self.stern + self.rake_rear * (self.height - self.belt), self.head - 0.3)

    @property
    def axle(self) -> np.ndarray:
        return self.shift + np.array([self.base / 2, -self.base / 2])


def _stations(body: Body) -> np.ndarray:
    """x of the cross-sections: the ends, the corners of the outline, and around the wheels."""
    end, arch = body.length / 2, body.wheel * 1.16
    around = (body.axle[:, None] + arch * np.array([-1, -0.9, -0.5, 0, 0.5, 0.9, 1])).ravel()
    ends = [-end, -end + 0.05, -end + 0.2, end - 0.3, end - 0.12, end]
    rims = [x + d for low, high, _ in body.hollows for x in (low, high) for d in (-0.01, 0.01)]
    every = np.concatenate([ends, [body.stern, body.cowl, 0.0], around, rims])
    return np.unique(np.round(np.clip(every, -end, end), 3))


def hull(shape: Shape, body: Body, paint: str = "paint", below: str = "dark plastic") -> None:
    """The body up to the windows, with wheel arches, bonnet and boot."""
    x, end = _stations(body), body.length / 2
    top = np.interp(
        x,
        [-end, -end + 0.08, body.stern, body.cowl, end - 0.25, end - 0.04, end],
        [body.deck * 0.86, body.deck, body.belt + 0.02, body.belt, body.nose, body.nose * 0.9,
         body.nose * 0.72],
    )  # fmt: skip
    low = np.interp(x, [-end, -end + 0.5, end - 0.5, end], body.sill + np.array([0.12, 0, 0, 0.04]))
    for axle in body.axle:
        arch = body.wheel * 1.16
        rise = np.sqrt(np.clip(arch**2 - (x - axle) ** 2, 0, None))
        low = np.where(np.abs(x - axle) <= arch, np.maximum(low, body.wheel + rise), low)
    low = np.minimum(low, top - 0.1)
    taper = 1 - body.round * np.clip((np.abs(x) - end + 0.7) / 0.7, 0, 1) ** 2
    wide = body.half * taper
    inner, sunk = top + 0.03, np.zeros(len(x), bool)
    for start, stop, depth in body.hollows:
        sunk |= (x > start) & (x < stop)
        inner = np.where((x > start) & (x < stop), top - depth, inner)
    depth = top - low
    y = np.stack([wide * k for k in (0.9, 1.0, 0.985, 0.93, 0.8)], 1)
    z = np.stack([low, low + 0.35 * depth, low + 0.72 * depth, top, inner], 1)
    half = np.stack([np.repeat(x[:, None], 5, 1), y, z], -1)
    rings = np.concatenate([half, half[:, ::-1] * [1, -1, 1], half[:, :1]], axis=1)
    materials = np.full((len(x) - 1, 10), paint, dtype=object)
    materials[:, 9] = below
    materials[sunk[:-1] & sunk[1:], 4] = below
    loft(shape, materials, rings)
    cap(shape, paint, rings[0, :-1])
    cap(shape, paint, rings[-1, :-1])


def cabin(
    shape: Shape,
    body: Body,
    windows: list[tuple[float, float]],
    paint: str = "paint",
    rear: str = "glass",
) -> None:
    """Windscreen, roof and sides above the body; windows are (x0, x1) along the sides."""
    edges = [x for pair in windows for x in pair]
    middle = (body.head + body.tail) / 2
    x = np.unique(np.round([body.stern, body.tail, middle, body.head, body.cowl, *edges], 3))
    x = x[(x > body.stern - 0.002) & (x < body.cowl + 0.002)]
    roof = body.height
    z = np.interp(
        x,
        [body.stern, body.tail, middle, body.head, body.cowl],
        [body.belt, roof - body.bend, roof, roof - body.bend * 0.8, body.belt],
    )
    foot, share = body.half * 0.94, (z - body.belt) / (roof - body.belt)
    inward = body.half * (0.94 - body.roof)
    heights = np.array([0.0, 0.88, 1.0, 1.02])
    across = np.array([0.0, 0.88, 1.0, 1.0])
    y = foot - inward * share[:, None] * across
    y[:, 3] = 0
    y[:, 2] -= 0.04
    level = body.belt + (z - body.belt)[:, None] * heights
    half = np.stack([np.repeat(x[:, None], 4, 1), y, level], -1)
    rings = np.concatenate([half, half[:, -2::-1] * [1, -1, 1]], axis=1)
    centre = (x[:-1] + x[1:]) / 2
    materials = np.full((len(centre), 6), paint, dtype=object)
    clear = np.zeros(len(centre), bool)
    for low, high in windows:
        clear |= (centre > low) & (centre < high)
    materials[clear, 0] = materials[clear, 5] = "glass"
    materials[centre > body.head, 2:4] = "glass"
    materials[centre < body.tail, 2:4] = rear
    loft(shape, materials, rings)


def seats(shape: Shape, xs: Vector, half: float, z: float, wide: float = 0.46) -> None:
    """A seat each side at every x, its cushion z above the ground."""
    for x in np.asarray(xs, float):
        for side in (-1, 1):
            y = side * half * 0.45
            shape.box("dark plastic", (x, y, z), (0.48, wide, 0.15))
            shape.box("dark plastic", (x - 0.27, y, z + 0.33), (0.12, wide, 0.6), pitch=-0.2)
            shape.box("dark plastic", (x - 0.36, y, z + 0.7), (0.1, 0.25, 0.18))


def mirrors(shape: Shape, x: float, half: float, z: float, size: float = 0.13) -> None:
    for side in _SIDES:
        centre = (x, side * (half + 0.09), z)
        shape.box("paint", centre, (0.1, 0.2, size))
