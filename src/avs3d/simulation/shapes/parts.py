"""Many parts at once, and the forms that boxes and balls do not give."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from avs3d.simulation.shapes.mesh import _BOX, _BOX_FACES, Outline, Shape, Vector

Points = np.ndarray | Sequence[Vector]


def boxes(shape: Shape, material: str, centres: Points, sizes: Points | Vector) -> None:
    """Boxes along the axes; centres (n, 3), sizes (n, 3) or (3,)."""
    centre = np.atleast_2d(np.asarray(centres, float))
    n = len(centre)
    size = np.broadcast_to(np.asarray(sizes, float), (n, 3))
    vertices = _BOX * size[:, None] + centre[:, None]
    faces = _BOX_FACES + 8 * np.arange(n)[:, None, None]
    shape.add(material, vertices.reshape(-1, 3), faces.reshape(-1, 3))


def tubes(
    shape: Shape,
    material: str,
    starts: Points,
    ends: Points,
    radius: float | np.ndarray,
    end_radius: float | np.ndarray | None = None,
    sides: int = 4,
) -> None:
    """Open tubes from starts to ends, both (n, 3); radius (n,) or one number."""
    low, high = np.atleast_2d(np.asarray(starts, float)), np.atleast_2d(np.asarray(ends, float))
    n = len(low)
    along = (high - low) / np.maximum(np.linalg.norm(high - low, axis=1, keepdims=True), 1e-9)
    flat = np.abs(along[:, :1]) < 0.8
    side = np.cross(along, np.where(flat, [1.0, 0, 0], [0, 1.0, 0]))
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    other = np.cross(along, side)
    turn = 2 * np.pi * np.arange(sides) / sides
    ring = np.cos(turn)[:, None] * side[:, None] + np.sin(turn)[:, None] * other[:, None]
    foot = np.broadcast_to(np.asarray(radius, float), (n,))[:, None, None]
    top = foot if end_radius is None else np.broadcast_to(end_radius, (n,))[:, None, None]
    vertices = np.concatenate([low[:, None] + ring * foot, high[:, None] + ring * top], axis=1)
    i = np.arange(sides)
    j = (i + 1) % sides
    quad = np.concatenate([np.stack([i, j, j + sides], 1), np.stack([i, j + sides, i + sides], 1)])
    faces = quad + 2 * sides * np.arange(n)[:, None, None]
    shape.add(material, vertices.reshape(-1, 3), faces.reshape(-1, 3))


def chain(
    shape: Shape, material: str, points: Points, radius: float | Vector, sides: int = 5
) -> None:
    """A bent tube through points (n, 3); radius one number or (n,)."""
    path = np.asarray(points, float)
    wide = np.broadcast_to(np.asarray(radius, float), (len(path),))
    tubes(shape, material, path[:-1], path[1:], wide[:-1], wide[1:], sides)


def turned(
    shape: Shape, material: str, profile: Outline, at: Vector = (0, 0, 0), sides: int = 10
) -> None:
    """A form turned about the upright axis; profile (n, 2) of radius, height."""
    r, z = np.asarray(profile, float).T
    turn = 2 * np.pi * np.arange(sides) / sides
    rings = np.stack(
        [r[:, None] * np.cos(turn), r[:, None] * np.sin(turn), z[:, None] + 0 * turn], -1
    )
    following = np.roll(rings, -1, axis=1)
    corners = np.stack([rings[:-1], following[:-1], following[1:], rings[1:]], axis=2)
    shape.quads(material, corners.reshape(-1, 4, 3) + np.asarray(at, float))


def lying(
    shape: Shape, material: str, centre: Vector, radius: float, length: float, sides: int = 12
) -> None:
    """A cylinder along x."""
    half = np.array([length / 2, 0, 0])
    shape.tube(material, np.asarray(centre) - half, np.asarray(centre) + half, radius, sides=sides)


def sheet(shape: Shape, material: str, centre: Vector, outline: Outline) -> None:
    """A flat convex board looking to +x; outline (n, 2) of y, z about the centre."""
    y, z = np.asarray(outline, float).T
    n = len(y)
    vertices = np.stack([0 * y, y, z], 1) + np.asarray(centre, float)
    fan = np.stack([np.zeros(n - 2, int), np.arange(1, n - 1), np.arange(2, n)], 1)
    shape.add(material, vertices, fan)


def leaves(
    rng: np.random.Generator, shape: Shape, material: str, centres: np.ndarray, size: float
) -> None:
    """One randomly turned triangle at each centre; size is its typical edge in metres."""
    n = len(centres)
    corners = rng.normal(size=(n, 3, 3)) * (size * rng.uniform(0.6, 1.3, (n, 1, 1)) * 0.55)
    shape.triangles(material, centres[:, None] + corners)


def in_ball(rng: np.random.Generator, n: int, hollow: float = 0.0) -> np.ndarray:
    """(n, 3) points in the unit ball; hollow 0 = evenly filled, towards 1 = only the surface."""
    direction = rng.normal(size=(n, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    radius = rng.uniform(hollow**3, 1.0, n) ** (1 / 3)
    return direction * radius[:, None]


def grid(*axes: Vector) -> np.ndarray:
    """(n, 3) every combination of the given x, y and z."""
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3).astype(float)


def warp(shape: Shape, first: int, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Changes the corners, (n, 3), of the parts added since part number `first`."""
    for i in range(first, shape.parts):
        shape._vertices[i] = change(shape._vertices[i])
