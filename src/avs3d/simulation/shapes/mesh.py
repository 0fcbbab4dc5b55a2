"""Building blocks of the simulated shapes: triangles with a material and a category per face.

Object frame: x forward, y left, z up, origin on the ground below the object's centre; metres.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from avs3d.simulation.categories import CATEGORY_ID
from avs3d.simulation.materials import MATERIAL_ID

Vector = Sequence[float] | np.ndarray
Outline = Sequence[Sequence[float]] | np.ndarray

_BOX = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
_BOX_FACES = np.array(
    [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
     [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]]
)  # fmt: skip


def _unit_ball(around: int, up: int) -> tuple[np.ndarray, np.ndarray]:
    polar = np.pi * np.arange(1, up) / up
    turn = 2 * np.pi * np.arange(around) / around
    rings = np.stack(
        [
            np.sin(polar)[:, None] * np.cos(turn),
            np.sin(polar)[:, None] * np.sin(turn),
            np.repeat(np.cos(polar)[:, None], around, axis=1),
        ],
        axis=-1,
    ).reshape(-1, 3)
    vertices = np.concatenate([rings, [[0, 0, 1], [0, 0, -1]]])
    top, bottom = len(rings), len(rings) + 1
    faces = []
    for i in range(around):
        j = (i + 1) % around
        faces.append([top, i, j])
        for k in range(up - 2):
            a, b = k * around + i, k * around + j
            faces += [[a, a + around, b], [b, a + around, b + around]]
        last = (up - 2) * around
        faces.append([bottom, last + j, last + i])
    return vertices, np.array(faces)


_BALL = _unit_ball(8, 5)


def rotation(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> np.ndarray:
    """(3, 3) rotation: roll about x, then pitch about y, then yaw about z; radians."""
    cy, sy, cp, sp, cr, sr = (
        np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll),
    )  # fmt: skip
    return np.array(
        [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
            [-sp, cp * sr, cp * cr],
        ]
    )


@dataclass(frozen=True)
class Template:
    """A finished shape, ready to be placed many times.

    Attributes:
        vertices: (V, 3) float32, metres, object frame.
        faces: (F, 3) int32.
        material, category: (F,) int16, indices in `MATERIALS` and `CATEGORIES`.
    """

    vertices: np.ndarray
    faces: np.ndarray
    material: np.ndarray
    category: np.ndarray


Maker = Callable[[np.random.Generator], Template]


class Shape:
    """Collects parts and becomes a `Template`. `category` is what the next parts are."""

    def __init__(self, category: str) -> None:
        self.category = category
        self._vertices: list[np.ndarray] = []
        self._faces: list[np.ndarray] = []
        self._kinds: list[tuple[int, int, int]] = []
        self._count = 0

    def add(self, material: str, vertices: np.ndarray, faces: np.ndarray) -> None:
        self._vertices.append(vertices)
        self._faces.append(faces + self._count)
        self._kinds.append((len(faces), MATERIAL_ID[material], CATEGORY_ID[self.category]))
        self._count += len(vertices)

    def box(
        self,
        material: str,
        centre: Vector,
        size: Vector,
        yaw: float = 0.0,
        pitch: float = 0.0,
        roll: float = 0.0,
    ) -> None:
        vertices = _BOX * np.asarray(size)
        if yaw or pitch or roll:
            vertices = vertices @ rotation(yaw, pitch, roll).T
        self.add(material, vertices + np.asarray(centre), _BOX_FACES)

    def ball(
        self, material: str, centre: Vector, radii: Vector, yaw: float = 0.0, pitch: float = 0.0
    ) -> None:
        vertices = _BALL[0] * np.asarray(radii)
        if yaw or pitch:
            vertices = vertices @ rotation(yaw, pitch).T
        self.add(material, vertices + np.asarray(centre), _BALL[1])

    def tube(
        self,
        material: str,
        start: Vector,
        end: Vector,
        radius: float,
        end_radius: float | None = None,
        sides: int = 6,
    ) -> None:
        """A closed cylinder or cone from `start` to `end`."""
        start, end = np.asarray(start, float), np.asarray(end, float)
        a, b, c = (end - start) / max(math.dist(end, start), 1e-9)
        # Two directions across the axis, written out: np.cross is slow for single vectors.
        p, q, r = (0.0, c, -b) if abs(a) < 0.8 else (-c, 0.0, a)
        length = math.sqrt(p * p + q * q + r * r)
        side = np.array([p, q, r]) / length
        other = np.array([b * r - c * q, c * p - a * r, a * q - b * p]) / length
        turn = 2 * np.pi * np.arange(sides) / sides
        ring = np.cos(turn)[:, None] * side + np.sin(turn)[:, None] * other
        top = radius if end_radius is None else end_radius
        vertices = np.concatenate([start + ring * radius, end + ring * top, [start], [end]])
        i = np.arange(sides)
        j = (i + 1) % sides
        low, high = np.full(sides, 2 * sides), np.full(sides, 2 * sides + 1)
        faces = np.concatenate(
            [
                np.stack([i, j, j + sides], 1),
                np.stack([i, j + sides, i + sides], 1),
                np.stack([j, i, low], 1),
                np.stack([i + sides, j + sides, high], 1),
            ]
        )
        self.add(material, vertices, faces)

    def wheel(self, centre: Vector, radius: float, width: float, material: str = "rubber") -> None:
        centre = np.asarray(centre, float)
        half = np.array([0, width / 2, 0])
        self.tube(material, centre - half, centre + half, radius, sides=10)
        self.tube("metal", centre - half * 1.04, centre + half * 1.04, radius * 0.6, sides=6)

    def prism(
        self,
        materials: str | Sequence[str],
        profile: Outline,
        half_width: float | Vector,
        side: str = "",
    ) -> None:
        """A convex outline in x, z given a half width in y at every corner.

        Args:
            materials: one for every edge of the outline, or a single one.
            profile: (n, 2) corners x, z, in order.
            half_width: (n,) or one number.
            side: material of the two flanks; by default that of the first edge.
        """
        corners = np.asarray(profile, float)
        n = len(corners)
        width = np.broadcast_to(np.asarray(half_width, float), (n,))
        left = np.stack([corners[:, 0], width, corners[:, 1]], 1)
        vertices = np.concatenate([left, left * [1, -1, 1]])
        names = [materials] * n if isinstance(materials, str) else list(materials)
        fan = np.stack([np.zeros(n - 2, int), np.arange(1, n - 1), np.arange(2, n)], 1)
        self.add(side or names[0], vertices, np.concatenate([fan, fan[:, ::-1] + n]))
        for i, name in enumerate(names):
            j = (i + 1) % n
            quad = vertices[[i, j, j + n, i + n]]
            self.add(name, quad, np.array([[0, 1, 2], [0, 2, 3]]))

    def quads(self, material: str, corners: np.ndarray) -> None:
        """Many quadrilaterals at once; corners (n, 4, 3)."""
        n = len(corners)
        base = 4 * np.arange(n)[:, None]
        faces = np.concatenate([base + [0, 1, 2], base + [0, 2, 3]])
        self.add(material, np.asarray(corners, float).reshape(-1, 3), faces)

    def triangles(self, material: str, corners: np.ndarray) -> None:
        """Many loose triangles at once; corners (n, 3, 3)."""
        faces = np.arange(3 * len(corners)).reshape(-1, 3)
        self.add(material, np.asarray(corners, float).reshape(-1, 3), faces)

    def move(self, offset: Vector, yaw: float = 0.0, first: int = 0) -> None:
        """Turns, then shifts, the parts added since part number `first` (see `parts`)."""
        turn = rotation(yaw).T
        for i in range(first, len(self._vertices)):
            self._vertices[i] = self._vertices[i] @ turn + np.asarray(offset, float)

    @property
    def parts(self) -> int:
        return len(self._vertices)

    def finish(self) -> Template:
        count, material, category = np.array(self._kinds).T
        return Template(
            np.concatenate(self._vertices).astype(np.float32),
            np.concatenate(self._faces).astype(np.int32),
            np.repeat(material, count).astype(np.int16),
            np.repeat(category, count).astype(np.int16),
        )
