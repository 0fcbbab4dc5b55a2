"""The ground as functions of x, y: which surface, how high, where painted. It has no triangles.

Kerbs, crowns and tufts of a few millimetres would need millions of them; `Ground.hit` instead
follows each ray through the height function.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from avs3d.simulation.categories import CATEGORY_ID
from avs3d.simulation.materials import MATERIAL_ID

# surface: category, material
_SURFACES = {
    "road": ("road", "asphalt"),
    "cobbles": ("road", "paving"),
    "sidewalk": ("sidewalk", "paving"),
    "dirt path": ("sidewalk", "gravel"),
    "curb": ("curb", "kerb"),
    "grass": ("grass", "grass"),
    "soil": ("soil", "soil"),
    "gravel": ("soil", "gravel"),
    "island": ("traffic island", "island"),
    "lot": ("parking lot", "lot"),
    "puddle": ("puddle", "water"),
    "mud": ("mud", "mud"),
    "concrete": ("concrete", "slab"),
    "snow": ("snow", "snow"),
    "water": ("water", "lake"),
    "ballast": ("railway track", "ballast"),
    "sand": ("soil", "sand"),
    "asphalt walk": ("sidewalk", "asphalt"),
    "slab walk": ("sidewalk", "slab"),
    "slab road": ("road", "slab"),
    "stone wall": ("wall", "stone"),
    "concrete wall": ("wall", "concrete"),
    "brick wall": ("wall", "brick"),
    "rock face": ("rock", "stone"),
}
SURFACES: tuple[str, ...] = tuple(_SURFACES)
SURFACE_ID: dict[str, int] = {name: index for index, name in enumerate(SURFACES)}
SURFACE_CATEGORY = np.array([CATEGORY_ID[_SURFACES[name][0]] for name in SURFACES])
SURFACE_MATERIAL = np.array([MATERIAL_ID[_SURFACES[name][1]] for name in SURFACES])
_UNEVEN = {"grass": 1.0, "soil": 0.8, "mud": 0.9, "snow": 0.6, "sand": 0.7, "gravel": 0.3}
_UNEVENNESS = np.array([_UNEVEN.get(name, 0.0) for name in SURFACES], np.float32)
_STEEP = 1.9  # rise over run; no lawn and no snow stands so
_PAINTED = np.isin(SURFACES, ("road", "lot", "slab road", "concrete"))
_FLAT = np.zeros((1, 2), np.float32)


@dataclass(frozen=True)
class Road:
    """A carriageway along a gently winding line; s runs along it, t to its left, metres.

    `branch` +1 or -1 keeps only the part with s of that sign, so that a crossing becomes a T.
    """

    x: float
    y: float
    heading: float
    half: float
    sway: tuple[float, float, float] = (0.0, 40.0, 0.0)  # amplitude, wave length / 2 pi, phase
    curvature: float = 0.0
    branch: int = 0
    ragged: float = 0.0  # metres by which the edges wander (dirt tracks)

    def _line(self, u: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        amplitude, wave, phase = self.sway
        turn = u / np.float32(wave) + np.float32(phase)
        offset = amplitude * (np.sin(turn) - np.sin(phase)) + 0.5 * self.curvature * u * u
        return offset, amplitude / wave * np.cos(turn) + self.curvature * u

    def frame(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """s, t of points x, y."""
        c, s = np.float32(np.cos(self.heading)), np.float32(np.sin(self.heading))
        dx, dy = x - np.float32(self.x), y - np.float32(self.y)
        u, v = c * dx + s * dy, c * dy - s * dx
        offset, slope = self._line(u)
        return u, (v - offset) / np.sqrt(1 + slope * slope)

    def pose(self, s: float, t: float) -> tuple[float, float, float]:
        """x, y and heading at s, t."""
        offset, slope = self._line(s)
        turn = np.arctan(slope)
        u, v = s - t * np.sin(turn), offset + t * np.cos(turn)
        c, k = np.cos(self.heading), np.sin(self.heading)
        x, y = self.x + c * u - k * v, self.y + k * u + c * v
        return float(x), float(y), float(self.heading + turn)

    def edge(self, s: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Distance outside the carriageway's edge; negative on it."""
        d = np.abs(t) - np.float32(self.half)
        if self.ragged:
            d = d + np.float32(self.ragged) * (np.sin(s * 0.7 + np.sign(t)) + np.sin(s * 1.9 + t))
        if self.branch:
            d = np.maximum(d, -self.branch * s - np.float32(0.5))
        return d


@dataclass(frozen=True)
class Band:
    """A strip beside the carriageway: surface, width and height above the road."""

    surface: str
    width: float
    step: float


@dataclass(frozen=True)
class Patch:
    """A piece of ground of its own: a box or ellipse in a road's s, t (or in x, y if road < 0)."""

    surface: str
    road: int
    centre: tuple[float, float]
    half: tuple[float, float]
    step: float | None = None  # None: as high as what it lies on
    round_: bool = False
    beside: bool = False  # only where there is no carriageway


@dataclass(frozen=True)
class Marking:
    """Paint on the main road: a box in s, t, repeated along `axis` ("s" or "t")."""

    s: tuple[float, float]
    t: tuple[float, float]
    axis: str
    period: float
    share: float


@dataclass(frozen=True)
class Ruts:
    """Two wheel tracks along every carriageway: what they and the strip between are made of."""

    surface: str
    between: str
    depth: float
    gauge: float  # metres from the middle to each
    half: float


@dataclass(frozen=True)
class Ground:
    """Attributes beside those that say it themselves:

    bands: left (t > 0) and right of the main road.
    circle: x, y, outer radius of a roundabout.
    drops: road, side, s, half width of lowered kerbs.
    waves: (W, 4) hills: kx, ky, phase, metres.
    relief: (M, 2) for the left and the right: metres off the carriageway, height; straight between.
    face: surface of what is too steep for grass and paving.
    wobble: share by which the relief changes along the road.
    roughness: (S,) metres, standard deviation of what a ray meets, per surface.
    tufts, uneven: metres of bumps of about 1 m and 5 m on lawns, soil and the like.
    paths: footpaths over lawns and fields, each with its surface.
    water: level of a lake; what lies lower, off the road, is covered.
    shore: metres above the water that are mud.
    """

    roads: tuple[Road, ...]
    bands: tuple[tuple[Band, ...], tuple[Band, ...]]
    carriageway: str
    fillet: float
    circle: tuple[float, float, float] | None = None
    patches: tuple[Patch, ...] = ()
    drops: tuple[tuple[int, int, float, float], ...] = ()
    markings: tuple[Marking, ...] = ()
    crown: float = 0.0
    waves: np.ndarray = field(default_factory=lambda: np.zeros((0, 4)))
    relief: tuple[np.ndarray, np.ndarray] = (_FLAT, _FLAT)
    face: str = "stone wall"
    wobble: float = 0.0
    roughness: np.ndarray = field(default_factory=lambda: np.zeros(len(SURFACES)))
    tufts: float = 0.0
    uneven: float = 0.0
    ruts: Ruts | None = None
    paths: tuple[tuple[Road, str], ...] = ()
    water: float = -np.inf
    shore: float = 0.0

    def _place(self, x: np.ndarray, y: np.ndarray) -> tuple:
        frames = [road.frame(x, y) for road in self.roads]
        edges = [road.edge(*frame) for road, frame in zip(self.roads, frames, strict=True)]
        if self.circle:
            cx, cy, outer = (np.float32(value) for value in self.circle)
            edges.append(np.hypot(x - cx, y - cy) - outer)
        d = edges[0]
        radius = np.float32(self.fillet)
        for other in edges[1:]:
            a, b = np.maximum(radius - d, 0), np.maximum(radius - other, 0)
            corner = radius - np.sqrt(a * a + b * b)
            d = np.where((a > 0) & (b > 0), corner, np.minimum(d, other))
        return frames, edges, d

    def distance(self, x: float, y: float) -> float:
        """Metres outside the nearest carriageway edge; negative on a road."""
        return float(self._place(np.array([x]), np.array([y]))[2][0])

    def look(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple]:
        """Surface index and height at x, y, and what `paint` needs."""
        frames, edges, d = self._place(x, y)
        s, t = frames[0]
        surface = np.full(x.shape, SURFACE_ID[self.carriageway], np.int8)
        step = np.zeros(x.shape, np.float32)
        outside = d > 0
        for side, bands in enumerate(self.bands):
            here = outside & ((t > 0) if side == 0 else (t <= 0))
            ends = np.cumsum([band.width for band in bands])[:-1].astype(np.float32)
            which = np.searchsorted(ends, d[here])
            surface[here] = np.array([SURFACE_ID[band.surface] for band in bands], np.int8)[which]
            step[here] = np.array([band.step for band in bands], np.float32)[which]
        step *= np.clip(d / np.float32(0.03), 0, 1)
        for path, name in self.paths:
            on = (path.edge(*path.frame(x, y)) < 0) & outside & (_UNEVENNESS[surface] > 0)
            surface[on] = SURFACE_ID[name]
        depth = self._track(self.ruts, surface, frames, d) if self.ruts else None
        for road, side, middle, half in self.drops:
            rs, rt = frames[road]
            lower = np.clip((np.abs(rs - middle) - half) / 0.6, 0.12, 1)
            step = np.where((np.sign(rt) == side) & (d < 2.5), step * lower, step)
        for patch in self.patches:
            px, py = (x, y) if patch.road < 0 else frames[patch.road]
            a = np.abs(px - patch.centre[0]) / patch.half[0]
            b = np.abs(py - patch.centre[1]) / patch.half[1]
            inside = (a * a + b * b < 1) if patch.round_ else (np.maximum(a, b) < 1)
            if patch.beside:
                inside &= outside
            surface[inside] = SURFACE_ID[patch.surface]
            if patch.step is not None:
                step[inside] = patch.step
        surface[outside & self._steep(t, d)] = SURFACE_ID[self.face]  # no patch lies on a wall
        height = step + self._base(x, y, s, t, d)
        if depth is not None:
            height -= depth
        height += self._bumps(x, y, d) * _UNEVENNESS[surface]
        if np.isfinite(self.water):
            low = (d > 0) & (height < self.water)
            if self.shore:
                wet = (d > 0) & (height < self.water + self.shore) & (_UNEVENNESS[surface] > 0)
                surface[wet] = SURFACE_ID["mud"]
            surface[low] = SURFACE_ID["water"]
            height[low] = self.water
        return surface, height.astype(np.float32), (frames, edges)

    def _base(
        self, x: np.ndarray, y: np.ndarray, s: np.ndarray, t: np.ndarray, d: np.ndarray
    ) -> np.ndarray:
        height = -self.crown * np.minimum(np.abs(t), self.roads[0].half)
        left, right = self.relief
        if left[:, 1].any() or right[:, 1].any():
            rise = np.where(t > 0, np.interp(d, *left.T), np.interp(d, *right.T))
            if self.wobble:
                rise *= 1 + np.float32(self.wobble) * np.sin(0.4 * s + 2 * np.sin(0.17 * s))
            height = height + rise
        for kx, ky, phase, metres in self.waves.astype(np.float32):
            height = height + metres * np.sin(kx * x + ky * y + phase)
        return height

    def _steep(self, t: np.ndarray, d: np.ndarray) -> np.ndarray:
        """(N,) bool, where the relief is a wall."""
        steep = np.zeros(d.shape, bool)
        for relief, here in zip(self.relief, (t > 0, t <= 0), strict=True):
            run, rise = np.diff(relief, axis=0).T
            walls = np.flatnonzero(np.abs(rise) > _STEEP * run)
            for begin, end in zip(relief[walls, 0], relief[walls + 1, 0], strict=True):
                steep |= here & (d > begin) & (d < end)
        return steep

    def incline(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rise over run of the land along x and y; kerbs, ruts and tufts apart."""

        def base(x: np.ndarray, y: np.ndarray) -> np.ndarray:
            frames, _, d = self._place(x, y)
            s, t = frames[0]
            return self._base(x, y, s, t, d)

        reach = np.float32(0.15)
        here = base(x, y)
        return (base(x + reach, y) - here) / reach, (base(x, y + reach) - here) / reach

    def _bumps(self, x: np.ndarray, y: np.ndarray, d: np.ndarray) -> np.ndarray:
        """Bumps of open ground; none where it meets a carriageway."""
        turn = np.sin(6.1 * y - 2.7 * x)
        bumps = np.float32(self.tufts) * np.sin(7.3 * x + 2.9 * y + 2 * np.sin(3.1 * y)) * turn
        if self.uneven:
            turn = np.sin(1.1 * y - 0.5 * x + 2.2 * np.sin(0.29 * x))
            bumps += np.float32(self.uneven) * turn * np.sin(1.3 * x + 2 * np.sin(0.7 * y))
        return bumps * np.minimum(np.abs(d) / 0.4, 1)

    @staticmethod
    def _track(ruts: Ruts, surface: np.ndarray, frames: list, d: np.ndarray) -> np.ndarray:
        """Depth of the ruts; lays their surface."""
        depth = np.zeros(d.shape, np.float32)
        for s, t in frames:
            wander = 0.1 * np.sin(0.37 * s) + 0.05 * np.sin(1.7 * s)
            off = np.abs(np.abs(t + wander) - np.float32(ruts.gauge)) / np.float32(ruts.half)
            dip = np.where(d < 0, np.clip(1.2 - off * off, 0, 1), 0)
            surface[(d < 0) & (np.abs(t + wander) < ruts.gauge)] = SURFACE_ID[ruts.between]
            surface[dip > 0.1] = SURFACE_ID[ruts.surface]
            deep = np.float32(ruts.depth) * (0.7 + 0.3 * np.sin(0.23 * s) * np.sin(1.1 * s))
            depth = np.maximum(depth, dip * deep)
        return depth

    def height(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return self.look(np.asarray(x, np.float32), np.asarray(y, np.float32))[1]

    def paint(self, surface: np.ndarray, places: tuple) -> np.ndarray:
        """(N,) bool: a lane marking, crosswalk or bay line lies here."""
        frames, edges = places
        s, t = frames[0]
        painted = np.zeros(s.shape, bool)
        for mark in self.markings:
            inside = (s > mark.s[0]) & (s < mark.s[1]) & (t > mark.t[0]) & (t < mark.t[1])
            along = s if mark.axis == "s" else t
            painted |= inside & (np.mod(along - mark.s[0], mark.period) < mark.share * mark.period)
        for other in edges[1:]:
            painted &= other > 0.5
        return painted & _PAINTED[surface]

    def hit(self, origin: np.ndarray, rays: np.ndarray, reach: float) -> np.ndarray:
        """Range at which each ray meets the ground, inf where it does not.

        Args:
            origin: (3,) metres.
            rays: (N, 3) float32 unit directions.
            reach: metres, horizontally.
        """
        flat = np.hypot(rays[:, 0], rays[:, 1])
        flat = np.maximum(flat, np.float32(1e-4))
        slope = rays[:, 2] / flat
        turn = np.arctan2(rays[:, 1], rays[:, 0])
        near, far = self._bracket(origin, turn, slope, reach)
        found = np.flatnonzero(np.isfinite(far))
        near, far, slope_ = near[found], far[found], slope[found]
        cx, cy = rays[found, 0] / flat[found], rays[found, 1] / flat[found]
        ox, oy, oz = (np.float32(v) for v in origin)
        for _ in range(11):
            middle = 0.5 * (near + far)
            above = oz + slope_ * middle > self.height(ox + cx * middle, oy + cy * middle)
            near = np.where(above, middle, near)
            far = np.where(above, far, middle)
        ranges = np.full(len(rays), np.inf, np.float32)
        ranges[found] = 0.5 * (near + far) / flat[found]
        return ranges

    def _bracket(
        self, origin: np.ndarray, turn: np.ndarray, slope: np.ndarray, reach: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Horizontal ranges before and behind the hit, from a polar profile of the ground."""
        spokes, cells = 480, 96
        r = np.geomspace(0.4, reach, cells).astype(np.float32)
        angle = (np.arange(spokes) * (2 * np.pi / spokes)).astype(np.float32)
        x = origin[0] + np.cos(angle)[:, None] * r
        y = origin[1] + np.sin(angle)[:, None] * r
        z = self.height(x.ravel(), y.ravel()).reshape(spokes, cells)
        horizon = np.maximum.accumulate((z - np.float32(origin[2])) / r, axis=1)
        spoke = np.round(turn * (spokes / (2 * np.pi))).astype(np.int64) % spokes
        scale = 100.0  # slopes stay within +-50, so every spoke has its own range of keys
        keys = (horizon.astype(np.float64) + scale * np.arange(spokes)[:, None]).ravel()
        index = np.searchsorted(keys, np.clip(slope, -40, 40) + scale * spoke) - cells * spoke
        hit = index < cells
        first = np.clip(index - 2, 0, cells - 1)
        last = np.clip(index + 1, 0, cells - 1)
        near = np.where(index <= 2, np.float32(0.0), r[first])
        return near.astype(np.float32), np.where(hit, r[last], np.inf).astype(np.float32)
