"""The LiDAR: rays out, what they meet back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from avs3d.simulation.materials import MATERIAL_ID, Palette
from avs3d.simulation.places.ground import SURFACE_CATEGORY, SURFACE_MATERIAL, Ground
from avs3d.simulation.places.scene import Solid
from avs3d.simulation.sensing.returns import Returns
from avs3d.simulation.sensing.sensors import Sensor
from avs3d.simulation.shapes.mesh import rotation

if TYPE_CHECKING:
    from embreex import rtcore_scene

_GLASS = MATERIAL_ID["glass"]
_APART = 0.3  # metres between two things of which the nearer one is measured


class Target:
    """A world's triangles, ready for rays; what moves apart, so that the rest is built once.

    Args:
        solid: the triangles.
        velocity: (F, 2) float32 metres per second, of each triangle.
    """

    def __init__(self, solid: Solid, velocity: np.ndarray | None = None) -> None:
        self.solid = solid
        self._velocity = np.zeros((len(solid.faces), 2)) if velocity is None else velocity
        moves = self._velocity.any(axis=1)
        self._moving = np.flatnonzero(moves)
        self._still = [self._part(np.flatnonzero(~moves), 0.0)] if not moves.all() else []
        self._parts: dict[float, list[tuple[rtcore_scene.EmbreeScene, np.ndarray]]] = {}

    def _part(self, rows: np.ndarray, time: float) -> tuple[rtcore_scene.EmbreeScene, np.ndarray]:
        from embreex import rtcore_scene  # an extra: trainings without simulation do without
        from embreex.mesh_construction import TriangleMesh

        scene = rtcore_scene.EmbreeScene()
        used, faces = np.unique(self.solid.faces[rows], return_inverse=True)
        vertices = self.solid.vertices[used]
        if time:
            of_vertex = np.zeros((len(used), 2), np.float32)
            of_vertex[faces.reshape(-1, 3)] = self._velocity[rows, None]
            vertices[:, :2] += of_vertex * np.float32(time)
        TriangleMesh(scene, vertices, faces.reshape(-1, 3).astype(np.int32))
        return scene, rows

    def hit(
        self, start: np.ndarray, rays: np.ndarray, time: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The nearest triangle of each ray (-1: none), its range and its normal.

        Args:
            start, rays: (N, 3) float32.
            time: seconds, at which everything is where it moved to.
        """
        if time not in self._parts:
            moved = [self._part(self._moving, time)] if len(self._moving) else []
            self._parts[time] = self._still + moved
        start = np.ascontiguousarray(start, dtype=np.float32)
        face = np.full(len(rays), -1)
        distance = np.full(len(rays), np.inf, np.float32)
        normal = np.zeros((len(rays), 3), np.float32)
        for scene, rows in self._parts[time]:
            result = scene.run(start, rays, output=True)
            first = np.flatnonzero((result["primID"] >= 0) & (result["tfar"] < distance))
            face[first] = rows[result["primID"][first]]
            distance[first], normal[first] = result["tfar"][first], result["Ng"][first]
        return face, distance, normal


def cast(
    rng: np.random.Generator,
    solid: Target | Solid,
    ground: Ground,
    palette: Palette,
    origin: np.ndarray,
    rays: np.ndarray,
    reach: float,
    time: float = 0.0,
    width: float = 0.0,
) -> Returns:
    """Follows every ray to the nearest thing, and through windows to what lies behind.

    Args:
        width: radians of a beam at half its power.
    """
    target = solid if isinstance(solid, Target) else Target(solid)
    solid = target.solid
    start = np.broadcast_to(origin.astype(np.float32), rays.shape)
    face, distance, normal = target.hit(start, rays, time)
    grazed = _graze(rng, target, start, rays, time, width, (face, distance, normal))

    glass = (face >= 0) & (solid.material[face] == _GLASS)
    through = np.flatnonzero(glass & (rng.random(len(rays)) < 0.55))
    if len(through):
        begin = distance[through] + np.float32(0.02)
        behind = rays[through]
        face[through], beyond, normal[through] = target.hit(
            start[through] + begin[:, None] * behind, behind, time
        )
        distance[through] = beyond + begin

    length = np.maximum(np.linalg.norm(normal, axis=1), 1e-9)
    found = Returns(
        distance,
        solid.category[face].astype(np.int32),
        solid.instance[face],
        solid.reflectance[face] * np.where(grazed, np.float32(0.5), np.float32(1.0)),
        palette.loss[solid.material[face]],
        np.abs((normal * rays).sum(axis=1)) / length,
    )
    _add_ground(rng, found, ground, palette, origin, rays, reach)
    return found


def _graze(
    rng: np.random.Generator,
    target: Target,
    start: np.ndarray,
    rays: np.ndarray,
    time: float,
    width: float,
    met: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> np.ndarray:
    """(N,) bool, where a ray's middle misses what another part of the beam meets before; there
    `met`, as `Target.hit` has it, becomes that. So fences and twigs grow denser with the distance.
    """
    if not width:
        return np.zeros(len(rays), bool)
    aside = rays + rng.normal(0, width / 2.355, rays.shape).astype(np.float32)
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    other = target.hit(start, aside, time)
    grazed: np.ndarray = other[1] < met[1] - _APART
    for mine, there in zip(met, other, strict=True):
        mine[grazed] = there[grazed]
    return grazed


def _add_ground(
    rng: np.random.Generator,
    found: Returns,
    ground: Ground,
    palette: Palette,
    origin: np.ndarray,
    rays: np.ndarray,
    reach: float,
) -> None:
    """Replaces what lies behind the ground by the ground."""
    flat = ground.hit(origin, rays, reach)
    nearer = np.flatnonzero(flat < found.range)
    rays, r = rays[nearer], flat[nearer]
    x, y = origin[0] + r * rays[:, 0], origin[1] + r * rays[:, 1]
    x, y = x.astype(np.float32), y.astype(np.float32)
    surface, _, places = ground.look(x, y)
    dive = _facing(rays, *ground.incline(x, y))
    bump = ground.roughness[surface] * rng.normal(0, 1, len(r))
    grass = ground.roughness[surface] > 0.012
    bump = np.where(grass, np.abs(bump), bump)
    change = np.clip(bump / dive, -0.1 - 0.01 * r, 0.1 + 0.02 * r)
    found.range[nearer] = np.maximum(r - change, 0.3)
    material = SURFACE_MATERIAL[surface]
    cloud = np.sin(0.9 * x + 1.3 * np.sin(0.6 * y)) * np.sin(1.1 * y + 0.4 * x)
    repair = (np.sin(0.23 * x + 1) > 0.75) & (np.sin(0.9 * y + 0.1 * x) > 0.2)
    stain = palette.stain * cloud + palette.repair * repair
    reflectance = palette.reflectance[material] * np.exp(stain)
    painted = ground.paint(surface, places)
    reflectance[painted] = palette.reflectance[MATERIAL_ID["marking"]]
    reflectance *= np.exp(rng.normal(0, 0.12, len(r)))
    found.reflectance[nearer] = reflectance
    found.loss[nearer] = palette.loss[material]
    found.category[nearer] = SURFACE_CATEGORY[surface]
    found.instance[nearer] = SURFACE_CATEGORY[surface]
    # Rough ground sends light back at grazing angles too.
    found.cosine[nearer] = np.clip(dive, 0, 1) ** 0.5


def _facing(rays: np.ndarray, along_x: np.ndarray, along_y: np.ndarray) -> np.ndarray:
    """Cosine of the angle between rays and the normal of inclined ground, 0.02 or more."""
    against = along_x * rays[:, 0] + along_y * rays[:, 1] - rays[:, 2]
    return np.maximum(against / np.sqrt(1 + along_x**2 + along_y**2), 0.02)


def draw_mounting(rng: np.random.Generator, sensor: Sensor) -> np.ndarray:
    """(3, 3) sensor to vehicle: any yaw for those that see all around; pitch and roll errors."""
    yaw = rng.uniform(0, 2 * np.pi)
    if sensor.view or sensor.mount == "front":
        yaw = rng.choice([0, 0, 0, 0, 1, 2, 3]) * np.pi / 2 + rng.normal(0, 0.1)
    if sensor.mount == "front":
        yaw = rng.normal(0, 0.05)
    pitch, roll = np.radians(rng.normal(0, sensor.tilt, 2))
    return rotation(0, pitch, roll) @ rotation(yaw)


def vehicle_frame(ground: Ground, x: float, y: float, heading: float) -> np.ndarray:
    """(3, 3) vehicle to world: upright on the slope at x, y, its nose to `heading`."""
    z, zx, zy = ground.height(np.array([x, x + 1, x]), np.array([y, y, y + 1]))
    normal = np.array([z - zx, z - zy, 1.0])
    normal /= np.linalg.norm(normal)
    ahead = np.cross([-np.sin(heading), np.cos(heading), 0.0], normal)
    ahead /= np.linalg.norm(ahead)
    return np.stack([ahead, np.cross(normal, ahead), normal], axis=1)
