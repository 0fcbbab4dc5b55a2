"""What a person would mention of a view: its things, ranked, and how they lie to each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avs3d.simulation.categories import CATEGORIES

GROUND = (
    "road", "sidewalk", "curb", "grass", "soil", "traffic island", "parking lot", "puddle",
    "mud", "concrete", "snow", "water", "railway track",
)  # fmt: skip
COUNTABLE = (
    "building", "pole", "street lamp", "traffic light", "traffic sign", "billboard",
    "traffic cone", "bollard", "tree", "trunk", "bush", "rock", "person", "bicycle", "motorcycle",
    "cyclist", "car", "van", "truck", "bus", "trailer", "construction vehicle", "container",
    "bench", "trash can", "bus stop", "fire hydrant", "utility box", "bicycle rack", "dog",
    "table", "barrier", "gate", "fountain", "statue", "tent", "kiosk", "tank", "parking meter",
    "traffic drum", "mailbox", "dumpster", "phone booth", "planter", "parasol", "chair",
    "fuel pump", "pallet", "pipe", "log", "hay bale", "shopping cart", "pickup truck", "tractor",
    "crane", "excavator", "forklift", "golf cart", "rickshaw", "boat", "wheelchair", "stroller",
    "kick scooter", "horse", "cow", "deer",
)  # fmt: skip
_THIN = (
    "pole", "street lamp", "traffic light", "traffic sign", "traffic cone", "bollard",
    "fire hydrant", "dog", "person", "bicycle", "trunk", "wire", "parking meter", "traffic drum",
    "mailbox", "kick scooter", "wheelchair", "stroller", "chair", "shopping cart", "deer",
)  # fmt: skip
# What is built or laid as one object may be many of a kind. Metres from which an object that is
# seen must be several: its length, its width, its height.
_BUNCHED = {
    "bicycle": (2.3, 1.2, 2.0), "chair": (1.4, 1.2, 1.8), "trash can": (1.7, 1.7, 2.5),
    "mailbox": (0.9, 0.9, 2.0), "hay bale": (2.9, 2.0, 2.2), "log": (9.0, 0.9, 0.9),
    "pipe": (9.0, 2.2, 2.0), "pallet": (2.0, 1.6, 2.5), "wire": (0.0, 0.0, 0.0),
}  # fmt: skip
_UNCOUNTED = ("chair", "hay bale", "log", "pipe", "pallet", "rock", "fuel pump", "wire")
_HEADS, _STRIDE = 1.0, 2.1  # metres: more than one person's head, arms and luggage take up
# How much more than its points a kind is worth mentioning.
_INTEREST = {
    "curb": 0.5, "trunk": 0.55, "puddle": 0.8, "sidewalk": 0.9, "soil": 0.9, "grass": 0.9,
    "mud": 1.0, "concrete": 0.9, "snow": 1.0, "water": 1.2, "railway track": 1.2, "wire": 1.0,
    "person": 2.0, "cyclist": 2.0, "dog": 1.8, "car": 1.6, "van": 1.6, "truck": 1.6, "bus": 1.7,
    "train": 1.7, "trailer": 1.6, "construction vehicle": 1.8, "motorcycle": 1.7, "bicycle": 1.7,
    "traffic light": 1.5, "traffic sign": 1.4, "traffic cone": 1.5, "street lamp": 1.3,
    "pole": 1.2, "bollard": 1.3, "bench": 1.4, "bus stop": 1.4, "fire hydrant": 1.4, "table": 1.4,
    "scaffolding": 1.2, "playground": 1.5, "fountain": 1.5, "statue": 1.6, "tent": 1.5,
    "kiosk": 1.5, "tank": 1.4, "gate": 1.2, "tunnel": 1.2, "parking meter": 1.5,
    "traffic drum": 1.5, "mailbox": 1.5, "dumpster": 1.5, "phone booth": 1.5, "planter": 1.3,
    "parasol": 1.5, "chair": 1.4, "fuel pump": 1.5, "pallet": 1.4, "pipe": 1.4, "log": 1.4,
    "hay bale": 1.5, "shopping cart": 1.6, "pickup truck": 1.6, "tractor": 1.8, "crane": 1.8,
    "excavator": 1.8, "forklift": 1.8, "golf cart": 1.7, "rickshaw": 1.8, "boat": 1.7,
    "wheelchair": 1.9, "stroller": 1.9, "kick scooter": 1.6, "horse": 1.9, "cow": 1.9,
    "deer": 1.9,
}  # fmt: skip
_MIN_POINTS, _MIN_THIN, _MIN_GROUND = 10, 5, 25
_SAMPLE, _SAMPLE_GROUND = 48, 256


@dataclass(frozen=True)
class Thing:
    """All points of one category in a view.

    Attributes:
        category: its name.
        points: how many points.
        count: objects seen with enough points, 1 for ground and for what is not counted.
        counted: whether each of them is surely one of its kind; a rack's bicycles are not.
        several: there are surely more than one of the kind, however many objects.
        score: salience; only the order means something.
        near, far: metres, 10th and 90th percentile of the horizontal range.
        left, right: radians from the view's middle, positive to the left: the 90th and 10th
            percentile of the bearing.
        height: metres from the ground around it to its top; 0 for ground.
        seen_over: the sensor stands higher than its top, so nothing of it was cut off.
        length: metres, largest horizontal extent of one object.
        centres: (k, 2) metres, the middles of the counted objects.
        xy: (m, 2) metres, an even sample of its points.
    """

    category: str
    points: int
    count: int
    counted: bool
    several: bool
    score: float
    near: float
    far: float
    left: float
    right: float
    height: float
    seen_over: bool
    length: float
    centres: np.ndarray
    xy: np.ndarray


def salient(points: np.ndarray, category: np.ndarray, instance: np.ndarray) -> list[Thing]:
    """The kinds of things in a view that are seen well enough to be named, most salient first.

    Args:
        points: (n, 3) metres, the sensor at the origin, z up.
        category: (n,) index in `CATEGORIES`; others are left out.
        instance: (n,) object ids.
    """
    known = np.isfinite(points).all(axis=1) & (category >= 0) & (category < len(CATEGORIES))
    points, category, instance = points[known], category[known], instance[known]
    if not len(points):
        return []
    azimuth = np.arctan2(points[:, 1], points[:, 0])
    middle = np.arctan2(np.sin(azimuth).mean(), np.cos(azimuth).mean())
    bearing = np.mod(azimuth - middle + np.pi, 2 * np.pi) - np.pi
    is_ground = np.isin(category, [CATEGORIES.index(name) for name in GROUND])
    floor = points[is_ground] if is_ground.any() else points
    things = []
    for index in np.unique(category):
        rows = np.flatnonzero(category == index)
        name = CATEGORIES[index]
        if len(rows) >= _least(name):
            things.append(_thing(name, points[rows], bearing[rows], instance[rows], floor))
    return sorted(things, key=lambda thing: -thing.score)


def _least(name: str) -> int:
    return _MIN_GROUND if name in GROUND else _MIN_THIN if name in _THIN else _MIN_POINTS


def _thing(
    name: str, points: np.ndarray, bearing: np.ndarray, instance: np.ndarray, floor: np.ndarray
) -> Thing:
    xy, z = points[:, :2], points[:, 2]
    ids, inverse, sizes = np.unique(instance, return_inverse=True, return_counts=True)
    counted = name in COUNTABLE
    kept = np.flatnonzero(sizes >= (_least(name) + 1) // 2) if counted else np.array([0])
    if not len(kept):
        kept = np.array([int(sizes.argmax())])
    objects = [xy[inverse == i] for i in kept] if counted else [xy]
    many = [_is_many(name, points[inverse == i]) for i in kept] if counted or name == "wire" else []
    centres = np.array([(o.min(axis=0) + o.max(axis=0)) / 2 for o in objects])
    length = max(float(np.hypot(*np.ptp(o, axis=0))) for o in objects)
    near, far = _quantiles(np.hypot(xy[:, 0], xy[:, 1]), 0.1, 0.9)
    right, left = _quantiles(bearing, 0.1, 0.9)
    (top,) = _quantiles(z, 0.98)
    around = np.hypot(*(floor[:, :2] - centres[0]).T) < 8.0
    base = min(float(np.median(floor[around, 2])), float(z.min())) if around.any() else z.min()
    step = max(len(xy) // (_SAMPLE_GROUND if name in GROUND else _SAMPLE), 1)
    score = _INTEREST.get(name, 1.0) * np.log1p(len(xy)) / (1 + near / 25.0)
    return Thing(
        category=name,
        points=len(xy),
        count=len(kept),
        counted=name not in _UNCOUNTED and not any(many),
        several=len(kept) > 1 or any(many),
        score=float(score * (1 + 0.2 * np.log(len(kept)))),
        near=near,
        far=far,
        left=left,
        right=right,
        height=0.0 if name in GROUND else top - float(base),
        seen_over=top < 0.0,
        length=length,
        centres=centres,
        xy=xy[::step],
    )


def _is_many(name: str, points: np.ndarray) -> bool:
    """Whether what is one object must be several of its kind, by its size."""
    if name == "person":
        heads = points[points[:, 2] > points[:, 2].max() - 0.35]
        wide, long = (float(np.hypot(*np.ptp(p[:, :2], axis=0))) for p in (heads, points))
        return wide > _HEADS or long > _STRIDE
    if name not in _BUNCHED:
        return False
    xy = points[:, :2] - points[:, :2].mean(axis=0)
    size = np.ptp(xy @ np.linalg.svd(xy.T @ xy)[0], axis=0)
    return bool((np.array([*size, np.ptp(points[:, 2])]) > _BUNCHED[name]).any())


def _quantiles(values: np.ndarray, *shares: float) -> list[float]:
    ordered = np.sort(values)
    return [float(ordered[round(share * (len(ordered) - 1))]) for share in shares]


def gap(a: Thing, b: Thing) -> float:
    """Metres between the nearest (sampled) points of two things, seen from above."""
    return float(np.hypot(*(a.xy[:, None] - b.xy[None]).transpose(2, 0, 1)).min())


def in_front(a: Thing, b: Thing) -> bool:
    """Whether `a` is nearer to the sensor than `b`, in the same direction."""
    overlap = min(a.left, b.left) - max(a.right, b.right)
    return a.far < b.near - 0.5 and overlap > 0.5 * min(a.left - a.right, b.left - b.right)


def on_both_sides(a: Thing, b: Thing) -> bool:
    """Whether some of `a` is seen to the left of `b` and some to the right of it."""
    return a.left > b.left + 0.02 and a.right < b.right - 0.02


def stands_on(a: Thing, things: list[Thing]) -> Thing | None:
    """The ground that most of `a` is on or right beside, if any."""
    grounds = [t for t in things if t.category in GROUND]
    if not grounds:
        return None
    nearest = np.stack(
        [np.hypot(*(a.xy[:, None] - g.xy[None]).transpose(2, 0, 1)).min(axis=1) for g in grounds],
        axis=1,
    )
    choice, close = nearest.argmin(axis=1), nearest.min(axis=1) < 1.5
    share = np.bincount(choice[close], minlength=len(grounds)) / len(a.xy)
    best = int(share.argmax())
    return grounds[best] if share[best] > 0.6 else None


def in_a_row(a: Thing) -> bool:
    """Whether three or more objects stand in one line."""
    if len(a.centres) < 3:
        return False
    spread = np.linalg.svd(a.centres - a.centres.mean(axis=0), compute_uv=False)
    across, along = spread[1] / np.sqrt(len(a.centres)), spread[0] / np.sqrt(len(a.centres))
    return bool(across < 1.0 and along > 3.0)


def in_a_group(a: Thing) -> bool:
    """Whether three or more objects stand together."""
    if len(a.centres) < 3:
        return False
    return bool(np.hypot(*(a.centres - np.median(a.centres, axis=0)).T).max() < 5.0)
