"""Views made of boxes: quick to draw by the thousand, enough to write captions about."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.categories import CATEGORY_ID
from avs3d.simulation.words.salience import GROUND

_SENSOR_HEIGHT = 1.8
# Kind -> how often it is drawn, most objects, and length, width, height of one in metres.
_KINDS: dict[str, tuple[float, int, float, float, float]] = {
    "building": (8, 3, 18, 10, 10), "wall": (3, 1, 12, 0.3, 2), "fence": (4, 1, 14, 0.1, 1.4),
    "guardrail": (1.5, 1, 18, 0.3, 0.8), "barrier": (2, 4, 3, 0.6, 1), "bridge": (0.8, 1, 20, 8, 6),
    "stairs": (0.8, 1, 3, 2, 1.2), "pole": (5, 4, 0.2, 0.2, 6), "street lamp": (3, 3, 1, 0.2, 7),
    "traffic light": (2, 3, 0.4, 0.3, 4), "traffic sign": (4, 3, 0.6, 0.1, 2.5),
    "billboard": (1, 2, 3, 0.3, 4), "traffic cone": (1.5, 6, 0.4, 0.4, 0.7),
    "bollard": (1.5, 6, 0.2, 0.2, 0.9), "tree": (9, 7, 4, 4, 7), "trunk": (4, 5, 0.4, 0.4, 2),
    "bush": (5, 5, 1.5, 1.5, 1.2), "hedge": (3, 2, 9, 1, 1.5), "tall grass": (1.5, 1, 5, 3, 0.8),
    "rock": (1, 4, 1, 0.8, 0.6), "person": (5, 7, 0.5, 0.5, 1.7), "bicycle": (2, 5, 1.7, 0.5, 1),
    "motorcycle": (1.5, 3, 2, 0.7, 1.1), "cyclist": (1.5, 3, 1.7, 0.5, 1.7),
    "car": (9, 8, 4.3, 1.8, 1.5), "van": (2.5, 2, 5.2, 2, 2.3), "truck": (2.5, 2, 8, 2.5, 3.3),
    "bus": (1.5, 2, 12, 2.5, 3.1), "trailer": (1, 2, 7, 2.4, 3), "train": (0.6, 1, 30, 3, 3.8),
    "construction vehicle": (1, 2, 6, 2.5, 3), "container": (1, 2, 6, 2.4, 2.5),
    "bench": (1.5, 3, 1.6, 0.5, 0.8), "trash can": (2, 3, 0.6, 0.6, 1),
    "bus stop": (1, 1, 4, 1.5, 2.5), "fire hydrant": (0.8, 1, 0.3, 0.3, 0.8),
    "utility box": (1.2, 2, 0.9, 0.5, 1.2),
    "bicycle rack": (0.8, 1, 3, 0.6, 0.9), "dog": (0.7, 2, 0.8, 0.3, 0.6),
    "table": (0.8, 3, 1.6, 0.8, 0.8), "tunnel": (0.4, 1, 20, 1, 5), "gate": (1, 2, 3.5, 0.2, 1.5),
    "scaffolding": (0.7, 1, 8, 1, 8), "playground": (0.8, 1, 4, 3, 2.5),
    "fountain": (0.6, 1, 3, 3, 1.5), "statue": (0.7, 2, 1, 1, 3), "tent": (0.8, 3, 4, 4, 2.7),
    "kiosk": (0.8, 2, 3, 2.2, 2.7), "tank": (0.8, 3, 3, 3, 4), "wire": (0.8, 1, 25, 1, 0.3),
    "parking meter": (0.7, 2, 0.3, 0.3, 1.4), "traffic drum": (0.8, 5, 0.6, 0.6, 1),
    "mailbox": (1, 2, 0.4, 0.4, 1.2), "dumpster": (0.9, 2, 2, 1.3, 1.4),
    "phone booth": (0.5, 2, 0.9, 0.9, 2.3), "planter": (1, 4, 1, 1, 0.7),
    "parasol": (0.8, 3, 3, 3, 2.4), "chair": (1, 5, 0.5, 0.5, 0.9),
    "fuel pump": (0.6, 2, 1, 0.6, 1.8), "pallet": (0.8, 3, 1.2, 0.8, 1),
    "pipe": (0.7, 2, 4, 1, 0.8), "log": (0.8, 2, 4, 0.5, 0.5), "hay bale": (0.8, 4, 1.5, 1.3, 1.4),
    "shopping cart": (0.8, 4, 0.9, 0.6, 1), "pickup truck": (1.2, 2, 5.3, 1.9, 1.8),
    "tractor": (0.9, 2, 4.2, 2, 2.7), "crane": (0.6, 1, 8, 2.6, 12),
    "excavator": (0.9, 2, 6, 2.5, 3), "forklift": (0.7, 2, 3, 1.2, 2.2),
    "golf cart": (0.6, 2, 2.4, 1.2, 1.8), "rickshaw": (0.6, 2, 2.6, 1.3, 1.8),
    "boat": (0.8, 2, 6, 2.2, 2.2), "wheelchair": (0.5, 2, 1, 0.7, 1),
    "stroller": (0.8, 2, 0.9, 0.6, 1), "kick scooter": (0.8, 4, 1.1, 0.4, 1.1),
    "horse": (0.8, 3, 2.2, 0.6, 1.7),
    "cow": (0.8, 5, 2.2, 0.7, 1.4), "deer": (0.7, 3, 1.5, 0.4, 1.2),
}  # fmt: skip
_GROUNDS = {"road": 9.0, "sidewalk": 6.0, "grass": 5.0, "curb": 2.0, "soil": 2.5,
            "parking lot": 1.5, "traffic island": 1.0, "puddle": 0.7,
            "mud": 1.2, "concrete": 1.2,
            "snow": 1.0, "water": 0.8, "railway track": 1.0}  # fmt: skip
assert set(_GROUNDS) == set(GROUND)


def random_view(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A made-up view: bands of ground and a few kinds of boxes in a 30-degree sector.

    Returns:
        points (n, 3) float32 metres with the sensor at the origin, category (n,) int32 and
        instance (n,) int32, as `avs3d.simulation.words.captions.describe` takes them.
    """
    half = np.pi / 12
    parts = [_bands(rng, half)] if rng.random() < 0.95 else []
    names = list(_KINDS)
    often = np.array([_KINDS[name][0] for name in names])
    count = int(rng.integers(0 if parts else 1, 8))
    for index in rng.choice(len(names), count, replace=False, p=often / often.sum()):
        parts.append(_objects(rng, names[index], half, 1000 * (len(parts) + 1)))
    points, category, instance = (np.concatenate(column) for column in zip(*parts, strict=True))
    turn = rng.uniform(-np.pi, np.pi)
    c, s = np.cos(turn), np.sin(turn)
    points[:, :2] = points[:, :2] @ np.array([[c, s], [-s, c]])
    return points.astype(np.float32), category.astype(np.int32), instance.astype(np.int32)


def _bands(rng: np.random.Generator, half: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One to four kinds of ground side by side, their borders at a random heading."""
    names = list(_GROUNDS)
    often = np.array(list(_GROUNDS.values()))
    kinds = rng.choice(len(names), int(rng.integers(1, 5)), replace=False, p=often / often.sum())
    azimuth = rng.uniform(-half, half, 900)
    distance = 3.0 / rng.uniform(0.08, 1.0, 900)
    x, y = distance * np.cos(azimuth), distance * np.sin(azimuth)
    heading = rng.uniform(0, np.pi)
    across = x * np.cos(heading) + y * np.sin(heading)
    borders = np.sort(
        rng.uniform(np.percentile(across, 5), np.percentile(across, 95), len(kinds) - 1)
    )
    ids = np.array([CATEGORY_ID[names[kind]] for kind in kinds])
    category = ids[np.searchsorted(borders, across)]
    points = np.stack([x, y, rng.normal(-_SENSOR_HEIGHT, 0.03, len(x))], axis=1)
    return points, category, category.copy()


def _objects(
    rng: np.random.Generator, name: str, half: float, first: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    _, most, *size = _KINDS[name]
    count = 1 + min(int(rng.geometric(0.55)) - 1, most - 1) if rng.random() < 0.7 else most
    distance, azimuth = rng.uniform(4, 35) if rng.random() < 0.9 else rng.uniform(30, 60), None
    points, owners = [], []
    for index in range(count):
        if azimuth is None or rng.random() < 0.6:
            azimuth = rng.uniform(-half, half)
        box = np.array(size) * rng.uniform(0.7, 1.4, 3)
        seen = int(np.clip(4000 * (box[0] + box[1]) * box[2] / distance**2, 6, 300))
        xyz = (rng.random((seen, 3)) - [0.5, 0.5, 0.0]) * box
        yaw = rng.uniform(0, np.pi)
        c, s = np.cos(yaw), np.sin(yaw)
        xyz[:, :2] = xyz[:, :2] @ np.array([[c, s], [-s, c]])
        xyz += [distance * np.cos(azimuth), distance * np.sin(azimuth), -_SENSOR_HEIGHT]
        points.append(xyz)
        owners.append(np.full(seen, first + index))
        distance += rng.uniform(0, 6)
    stacked = np.concatenate(points)
    return stacked, np.full(len(stacked), CATEGORY_ID[name]), np.concatenate(owners)
