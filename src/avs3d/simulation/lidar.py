"""The LiDAR: rays out, ranges and intensities back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from embreex import rtcore_scene
from embreex.mesh_construction import TriangleMesh

from avs3d.simulation.ground import SURFACE_CATEGORY, SURFACE_MATERIAL, Ground
from avs3d.simulation.materials import MATERIAL_ID, Palette
from avs3d.simulation.mesh import rotation
from avs3d.simulation.scene import Solid
from avs3d.simulation.sensors import Sensor

_GLASS = MATERIAL_ID["glass"]


@dataclass
class Returns:
    """What the rays of one scan met; (N,) each, `range` inf where nothing."""

    range: np.ndarray
    category: np.ndarray
    instance: np.ndarray
    reflectance: np.ndarray
    loss: np.ndarray
    cosine: np.ndarray


@dataclass(frozen=True)
class Beams:
    """Rays of one scan, row by row of rings: (R * A, 3) float32 unit vectors, sensor frame."""

    rays: np.ndarray
    ring: np.ndarray
    rings: int
    columns: int


def draw_beams(rng: np.random.Generator, sensor: Sensor) -> Beams:
    rings = len(sensor.elevation)
    columns = int(360 / rng.uniform(*sensor.step))
    elevation = np.radians(sensor.elevation + rng.normal(0, 0.02, rings))
    shift = rng.uniform(0, 1, rings) * (rng.random() < 0.6)  # rings fire one after another
    azimuth = (np.arange(columns) + shift[:, None]) * (2 * np.pi / columns)
    up = np.broadcast_to(elevation[:, None], azimuth.shape)
    rays = np.stack([np.cos(up) * np.cos(azimuth), np.cos(up) * np.sin(azimuth), np.sin(up)], -1)
    ring = np.repeat(np.arange(rings, dtype=np.int32), columns)
    return Beams(rays.reshape(-1, 3).astype(np.float32), ring, rings, columns)


def cast(
    rng: np.random.Generator,
    solid: Solid,
    ground: Ground,
    palette: Palette,
    origin: np.ndarray,
    rays: np.ndarray,
    reach: float,
) -> Returns:
    """Follows every ray to the nearest thing, and through windows to what lies behind."""
    scene = rtcore_scene.EmbreeScene()
    TriangleMesh(scene, solid.vertices, solid.faces)
    start = np.broadcast_to(origin.astype(np.float32), rays.shape)
    result = scene.run(np.ascontiguousarray(start), rays, output=True)
    face, distance = result["primID"], result["tfar"].copy()
    normal = result["Ng"]
    distance[face < 0] = np.inf

    glass = (face >= 0) & (solid.material[face] == _GLASS)
    through = np.flatnonzero(glass & (rng.random(len(rays)) < 0.55))
    if len(through):
        begin = distance[through] + np.float32(0.02)
        second = scene.run(
            start[through] + begin[:, None] * rays[through], rays[through], output=True
        )
        ok = second["primID"] >= 0
        there = through[ok]
        face[there] = second["primID"][ok]
        distance[there] = second["tfar"][ok] + begin[ok]
        normal[there] = second["Ng"][ok]
        distance[through[~ok]] = np.inf

    length = np.maximum(np.linalg.norm(normal, axis=1), 1e-9)
    found = Returns(
        distance,
        solid.category[face].astype(np.int32),
        solid.instance[face],
        solid.reflectance[face],
        palette.loss[solid.material[face]],
        np.abs((normal * rays).sum(axis=1)) / length,
    )
    _add_ground(rng, found, ground, palette, origin, rays, reach)
    return found


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
    surface, _, places = ground.look(x.astype(np.float32), y.astype(np.float32))
    dive = np.maximum(-rays[:, 2], 0.02)
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


def attitude(rng: np.random.Generator, sensor: Sensor, slope: tuple[float, float]) -> np.ndarray:
    """(3, 3) sensor-to-world: any yaw, upright on the local slope but for a mounting error."""
    yaw = rng.uniform(0, 2 * np.pi)
    pitch, roll = np.radians(rng.normal(0, sensor.tilt, 2))
    normal = np.array([-slope[0], -slope[1], 1.0])
    normal /= np.linalg.norm(normal)
    ahead = np.cross([0.0, 1.0, 0.0], normal)
    ahead /= np.linalg.norm(ahead)
    stand = np.stack([ahead, np.cross(normal, ahead), normal], axis=1)
    return stand @ rotation(0, pitch, roll) @ rotation(yaw)


def measure(
    rng: np.random.Generator, sensor: Sensor, found: Returns, beams: Beams, reach: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ranges and intensities as the sensor reports them.

    Returns:
        kept: (K,) int64 indices of the rays that came back, in ray order.
        ranges: (K,) float32 metres; intensity: (K,) float32, in the sensor's scale.
    """
    r = found.range.reshape(beams.rings, beams.columns)
    ahead = np.roll(r, -1, axis=1)
    with np.errstate(invalid="ignore"):
        jump = ahead - r
    edge = np.isfinite(jump) & (np.abs(jump) > 0.3) & (np.abs(jump) < 3.0)
    mixed = edge & (rng.random(r.shape) < rng.uniform(0.02, 0.2))
    blurred = r.copy()
    blurred[mixed] += jump[mixed] * rng.uniform(0, 0.5, int(mixed.sum()))
    ranges = blurred.ravel()

    power = found.reflectance * np.clip(found.cosine, 0.05, 1) ** rng.uniform(0.2, 1.0)
    falloff = rng.uniform(*sensor.falloff)
    with np.errstate(invalid="ignore", divide="ignore"):
        power = power * (8.0 / np.clip(ranges, 4.0, None)) ** falloff
        faint = found.reflectance * np.clip(found.cosine, 0.02, 1) / np.maximum(ranges, 1) ** 2
    threshold = 10 ** rng.uniform(-6.0, -4.9)
    lost = rng.random(len(ranges)) < found.loss + rng.uniform(0.0, 0.03)
    lost |= faint < threshold * np.exp(rng.normal(0, 0.4, len(ranges)))
    kept = np.flatnonzero(np.isfinite(ranges) & ~lost & (ranges < reach) & (ranges > 0.5))

    bias = rng.normal(0, rng.uniform(0, 0.012), beams.rings)
    noise = rng.normal(0, rng.uniform(*sensor.noise), len(kept))
    ranges = (ranges[kept] + noise + bias[beams.ring[kept]]).astype(np.float32)
    strength = rng.normal(1, rng.uniform(0, 0.1), beams.rings)[beams.ring[kept]]
    power = power[kept] * strength * rng.uniform(*sensor.gain)
    power = np.clip(power * np.exp(rng.normal(0, 0.08, len(kept))), 0, None)
    value = np.clip(power ** rng.uniform(*sensor.gamma), 0, 1)
    intensity = np.round(value * 255) * (sensor.scale / 255)
    return kept, ranges, intensity.astype(np.float32)
