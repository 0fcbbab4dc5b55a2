"""Shapes placed in a world, and the one triangle mesh they become."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avs3d.simulation.materials import MATERIAL_ID, Palette
from avs3d.simulation.places.ground import Ground
from avs3d.simulation.shapes.mesh import Template

_PAINT, _CLOTH = MATERIAL_ID["paint"], MATERIAL_ID["cloth"]


@dataclass(frozen=True)
class Solid:
    """Everything but the ground, as triangles.

    Attributes:
        vertices: (V, 3) float32; faces: (F, 3) int32.
        material, category: (F,) int16; instance: (F,) int32; reflectance: (F,) float32.
    """

    vertices: np.ndarray
    faces: np.ndarray
    material: np.ndarray
    category: np.ndarray
    instance: np.ndarray
    reflectance: np.ndarray


def _footprint(template: Template) -> np.ndarray:
    """(k, 3) discs x, y, radius that cover what stands below 1.9 m."""
    low = template.vertices[template.vertices[:, 2] < 1.9]
    if not len(low):
        return np.zeros((0, 3))
    lo, hi = low[:, :2].min(axis=0), low[:, :2].max(axis=0)
    middle, half = (lo + hi) / 2, (hi - lo) / 2
    axis = int(half[1] > half[0])
    radius = half[1 - axis] + 0.05
    count = max(int(np.ceil(half[axis] / max(radius, 0.2))), 1)
    discs = np.tile([middle[0], middle[1], radius], (count, 1))
    reach = max(half[axis] - radius, 0.0)
    discs[:, axis] += np.linspace(-reach, reach, count) if count > 1 else 0.0
    return discs


class Scene:
    """Objects on a ground, none inside another."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self._templates: list[Template] = []
        self._discs: list[np.ndarray] = []
        self._placed: list[list[tuple[float, ...]]] = []
        self._index: dict[tuple[int, bool], int] = {}
        self._draped: list[bool] = []
        self._taken = np.zeros((4096, 3))
        self._used = 0

    def reserve(self, x: float, y: float, radius: float) -> None:
        if self._used < len(self._taken):
            self._taken[self._used] = x, y, radius
            self._used += 1

    def is_free(self, discs: np.ndarray) -> bool:
        taken = self._taken[: self._used]
        gap = np.hypot(*(taken[:, None, :2] - discs[None, :, :2]).transpose(2, 0, 1))
        return bool((gap > taken[:, None, 2] + discs[None, :, 2]).all())

    def put(
        self,
        template: Template,
        x: float,
        y: float,
        yaw: float,
        *,
        scale: float = 1.0,
        solid: bool = True,
        room: float = 0.0,
        drape: bool = False,
    ) -> bool:
        """Places a shape, unless (for solid ones) something stands there already.

        Args:
            room: metres to keep free around it; negative lets it touch others.
            drape: every corner keeps its height above the ground below it (rails, walls).
        """
        key = (id(template), drape)
        if key not in self._index:
            self._index[key] = len(self._templates)
            self._templates.append(template)
            self._discs.append(_footprint(template))
            self._placed.append([])
            self._draped.append(drape)
        index = self._index[key]
        if solid:
            c, s = np.cos(yaw), np.sin(yaw)
            local = self._discs[index] * scale
            discs = np.stack(
                [x + c * local[:, 0] - s * local[:, 1], y + s * local[:, 0] + c * local[:, 1],
                 np.maximum(local[:, 2] + room, 0.05)], 1,
            )  # fmt: skip
            if not self.is_free(discs):
                return False
            for disc in discs:
                self.reserve(*disc)
        self._placed[index].append((x, y, yaw, scale))
        return True

    def build(self, rng: np.random.Generator, palette: Palette, first_instance: int) -> Solid:
        parts: list[tuple[np.ndarray, ...]] = []
        vertex, instance = 0, first_instance
        every = zip(self._templates, self._placed, self._draped, strict=True)
        for template, placed, draped in every:
            if not placed:
                continue
            x, y, yaw, scale = np.array(placed, np.float32).T[..., None]
            k = len(placed)
            z = self.ground.height(x[:, 0], y[:, 0])[:, None]
            vx, vy, vz = template.vertices.T
            c, s = np.cos(yaw) * scale, np.sin(yaw) * scale
            px, py = x + c * vx - s * vy, y + s * vx + c * vy
            if draped:
                z = self.ground.height(px.ravel(), py.ravel()).reshape(px.shape)
            vertices = np.stack([px, py, z + scale * vz], -1)
            count = len(template.vertices)
            faces = template.faces + vertex + count * np.arange(k, dtype=np.int32)[:, None, None]
            reflectance = np.tile(palette.reflectance[template.material], (k, 1))
            for material, value in ((_PAINT, _paint(rng, k)), (_CLOTH, rng.uniform(0.05, 0.7, k))):
                reflectance = np.where(template.material == material, value[:, None], reflectance)
            shape = (k, len(template.faces))
            ids = instance + np.arange(k, dtype=np.int32)[:, None]
            parts.append(
                (
                    vertices.reshape(-1, 3),
                    faces.reshape(-1, 3),
                    np.broadcast_to(template.material, shape).ravel(),
                    np.broadcast_to(template.category, shape).ravel(),
                    np.broadcast_to(ids, shape).ravel(),
                    reflectance.astype(np.float32).ravel(),
                )
            )
            vertex += k * count
            instance += k
        return Solid(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _paint(rng: np.random.Generator, count: int) -> np.ndarray:
    """Reflectance of car paint: black, coloured or grey, white or silver."""
    kind = rng.choice(3, count, p=[0.3, 0.35, 0.35])
    low, high = np.array([0.02, 0.1, 0.4])[kind], np.array([0.08, 0.4, 0.8])[kind]
    return rng.uniform(low, high)
