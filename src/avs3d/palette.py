"""A colour for every word: the same word has the same colour in every scan, where it can."""

from __future__ import annotations

import colorsys
import hashlib
from collections.abc import Sequence
from functools import cache, lru_cache

import numpy as np

UNLABELLED_COLOR = (48, 48, 48)

FIXED: dict[str, tuple[int, int, int]] = {
    # ground
    "road": (128, 64, 128),
    "sidewalk": (244, 35, 232),
    "curb": (196, 150, 196),
    "parking lot": (170, 110, 200),
    "grass": (150, 240, 90),
    "soil": (145, 95, 50),
    "traffic island": (120, 130, 135),
    # built
    "building": (255, 200, 0),
    "wall": (170, 160, 110),
    "fence": (205, 150, 80),
    "bridge": (110, 110, 160),
    "barrier": (190, 60, 0),
    "stairs": (235, 200, 190),
    # street furniture
    "pole": (255, 240, 150),
    "street lamp": (255, 255, 90),
    "traffic light": (250, 150, 30),
    "traffic sign": (255, 0, 0),
    "traffic cone": (255, 95, 5),
    "trash can": (0, 110, 110),
    "bench": (90, 40, 60),
    # plants
    "vegetation": (0, 175, 0),
    "tree": (30, 130, 50),
    "trunk": (135, 60, 0),
    "bush": (110, 180, 60),
    "hedge": (60, 90, 20),
    # who and what moves
    "person": (220, 20, 90),
    "cyclist": (255, 40, 200),
    "bicycle": (100, 230, 245),
    "motorcycle": (30, 60, 150),
    "car": (80, 140, 255),
    "van": (120, 200, 255),
    "truck": (60, 30, 200),
    "bus": (0, 180, 160),
    "trailer": (150, 130, 255),
    "train": (0, 120, 190),
    "dog": (255, 170, 160),
}
_ALIASES = {
    "street": "road",
    "roadway": "road",
    "asphalt": "road",
    "pavement": "sidewalk",
    "footpath": "sidewalk",
    "path": "sidewalk",
    "parking space": "parking lot",
    "lawn": "grass",
    "meadow": "grass",
    "tall grass": "grass",
    "terrain": "soil",
    "dirt": "soil",
    "gravel": "soil",
    "house": "building",
    "shop": "building",
    "post": "pole",
    "column": "pole",
    "sign": "traffic sign",
    "road sign": "traffic sign",
    "street sign": "traffic sign",
    "street light": "street lamp",
    "shrub": "bush",
    "plant": "vegetation",
    "greenery": "vegetation",
    "foliage": "tree",
    "tree trunk": "trunk",
    "passenger car": "car",
    "pedestrian": "person",
    "bike": "bicycle",
    "motorbike": "motorcycle",
    "vehicle": "car",
    "automobile": "car",
    "lorry": "truck",
}
_SHADES = (0.0, 0.35, -0.35, 0.6, -0.55)
"""Where a word of the same meaning is there too: so much nearer to white, or to black."""
_APART = 18.0
"""CIELAB distance at which two colours are told apart in a picture's legend."""
_TRIES = 48
_COMPARED = 256
"""Beyond that many words no colour is apart from all others, so later ones are not searched."""


def palette(words: Sequence[str]) -> np.ndarray:
    """Colours of the words, (W, 3) uint8 RGB, in the order of `words`.

    Common street words have a fixed colour. Every other word has colours of its own, made from
    its letters, of which it takes the first that is apart from those taken before. Words are
    served in an order of their own, so the result does not depend on the order of `words`.
    """
    taken: dict[str, tuple[int, int, int]] = {}
    labs = [_lab(np.array([UNLABELLED_COLOR]))[0]]
    for word in sorted(
        set(words), key=lambda word: (word not in FIXED, word not in _ALIASES, word)
    ):
        candidates = _candidates(word)
        compared = word not in FIXED and len(labs) <= _COMPARED
        taken[word] = _apart_from(candidates, np.array(labs)) if compared else candidates[0]
        labs.append(_lab(np.array([taken[word]]))[0])
    return np.array([taken[word] for word in words], dtype=np.uint8).reshape(-1, 3)


def steady_palette(words: Sequence[str]) -> np.ndarray:
    """The same, but a word's colour hangs on no other word that is there: for scans that are looked
    at one after the other. It is apart from all fixed ones; two rarer words may be alike."""
    return np.array([_steady(word) for word in words], dtype=np.uint8).reshape(-1, 3)


@lru_cache(1 << 14)
def _steady(word: str) -> tuple[int, int, int]:
    known = _common()
    return known[word] if word in known else _apart_from(_candidates(word), _common_labs())


@cache
def _common() -> dict[str, tuple[int, int, int]]:
    words = [*FIXED, *_ALIASES]
    return dict(zip(words, map(tuple, palette(words).tolist()), strict=True))


@cache
def _common_labs() -> np.ndarray:
    return _lab(np.array([UNLABELLED_COLOR, *_common().values()]))


def _apart_from(candidates: list[tuple[int, int, int]], taken: np.ndarray) -> tuple[int, int, int]:
    """The first of some colours that is apart from all that are taken, (T, 3) CIELAB; else the one
    that is farthest from them."""
    gap = np.linalg.norm(_lab(np.array(candidates))[:, None] - taken[None], axis=2).min(axis=1)
    return candidates[int(np.argmax(gap >= _APART) if (gap >= _APART).any() else np.argmax(gap))]


def _candidates(word: str) -> list[tuple[int, int, int]]:
    """Colours for a word, the preferred one first."""
    if word in FIXED:
        return [FIXED[word]]
    first = [_shade(FIXED[_ALIASES[word]], by) for by in _SHADES] if word in _ALIASES else []
    digest = hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()
    start = int.from_bytes(digest[:4], "little") / 2**32
    made = []
    for i in range(_TRIES):
        # golden-ratio steps spread the hues; strength and brightness go through nine levels
        hue = (start + i * 0.618034) % 1.0
        level = (digest[4] + i) % 9
        strength, light = 0.45 + 0.25 * (level % 3), 0.55 + 0.2 * (level // 3)
        red, green, blue = colorsys.hsv_to_rgb(hue, min(strength, 1.0), light)
        made.append((round(255 * red), round(255 * green), round(255 * blue)))
    return first + made


def _shade(colour: tuple[int, int, int], by: float) -> tuple[int, int, int]:
    red, green, blue = (round(c + by * ((255 - c) if by > 0 else c)) for c in colour)
    return red, green, blue


def _lab(rgb: np.ndarray) -> np.ndarray:
    """(M, 3) sRGB 0-255 to CIELAB under D65."""
    value = rgb / 255.0
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    xyz = linear @ to_xyz.T / np.array([0.9505, 1.0, 1.089])
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack(
        [
            116 * root[:, 1] - 16,
            500 * (root[:, 0] - root[:, 1]),
            200 * (root[:, 1] - root[:, 2]),
        ],
        axis=1,
    )
