"""What surfaces reflect. Drawn anew for every world: only the order of things is stable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# name: lowest and highest diffuse reflectance, chance that a pulse is lost.
_RANGES: dict[str, tuple[float, float, float]] = {
    "paint": (0.03, 0.75, 0.08),  # replaced by one value per vehicle
    "cloth": (0.08, 0.70, 0.02),  # replaced by one value per person
    "rubber": (0.03, 0.10, 0.15),
    "metal": (0.15, 0.60, 0.03),
    "dark metal": (0.05, 0.25, 0.06),
    "glass": (0.02, 0.10, 0.55),
    "plastic": (0.15, 0.60, 0.02),
    "dark plastic": (0.04, 0.20, 0.06),
    "retro": (3.0, 9.0, 0.0),
    "plate": (1.0, 4.0, 0.0),
    "lamp glass": (0.3, 1.5, 0.1),
    "skin": (0.30, 0.60, 0.02),
    "wood": (0.25, 0.60, 0.01),
    "bark": (0.15, 0.45, 0.02),
    "leaf": (0.25, 0.60, 0.03),
    "needle": (0.20, 0.45, 0.03),
    "blade": (0.25, 0.60, 0.03),
    "stone": (0.15, 0.50, 0.01),
    "concrete": (0.20, 0.55, 0.01),
    "plaster": (0.25, 0.80, 0.01),
    "brick": (0.20, 0.50, 0.01),
    "roof": (0.10, 0.45, 0.02),
    "asphalt": (0.05, 0.30, 0.02),
    "paving": (0.12, 0.50, 0.01),
    "kerb": (0.15, 0.55, 0.01),
    "grass": (0.22, 0.60, 0.01),
    "soil": (0.12, 0.42, 0.01),
    "gravel": (0.15, 0.45, 0.01),
    "lot": (0.06, 0.35, 0.02),
    "island": (0.12, 0.50, 0.01),
    "water": (0.01, 0.04, 0.65),
    "marking": (0.45, 1.60, 0.0),
    "mud": (0.04, 0.20, 0.06),
    "slab": (0.20, 0.60, 0.01),
    "snow": (0.60, 0.95, 0.01),
    "lake": (0.01, 0.04, 0.85),
    "ballast": (0.10, 0.35, 0.01),
    "sand": (0.25, 0.60, 0.01),
    "fabric": (0.06, 0.65, 0.02),
    "hide": (0.15, 0.60, 0.02),
    "pane": (0.01, 0.05, 0.85),
}  # fmt: skip

MATERIALS: tuple[str, ...] = tuple(_RANGES)
MATERIAL_ID: dict[str, int] = {name: index for index, name in enumerate(MATERIALS)}


@dataclass(frozen=True)
class Palette:
    """One world's materials.

    Attributes:
        reflectance: (M,) float32 diffuse reflectance, 1 = white; above 1 for retro-reflectors.
        loss: (M,) float32 chance that a pulse does not come back.
        stain, repair: logarithmic change of the ground's reflectance in cloudy spots and in
            rectangles of newer asphalt.
    """

    reflectance: np.ndarray
    loss: np.ndarray
    stain: float
    repair: float


def draw_palette(rng: np.random.Generator) -> Palette:
    low, high, loss = np.array([_RANGES[name] for name in MATERIALS]).T
    value = low + (high - low) * rng.beta(1.6, 1.6, len(low))
    asphalt = value[MATERIAL_ID["asphalt"]]
    # Paving is usually, not always, brighter than the road beside it, and kerbs like paving.
    paving = asphalt * np.exp(rng.normal(0.45, 0.35))
    value[MATERIAL_ID["paving"]] = np.clip(paving, 0.06, 0.6)
    value[MATERIAL_ID["kerb"]] = np.clip(paving * np.exp(rng.normal(0.05, 0.2)), 0.06, 0.65)
    value[MATERIAL_ID["lot"]] = np.clip(asphalt * np.exp(rng.normal(0.1, 0.3)), 0.04, 0.5)
    loss = np.clip(loss * rng.uniform(0.4, 1.6, len(loss)), 0, 0.95)
    if rng.random() < 0.1:  # a wet road mirrors the light away
        for name in ("asphalt", "lot", "paving"):
            value[MATERIAL_ID[name]] *= 0.5
            loss[MATERIAL_ID[name]] += rng.uniform(0.05, 0.5)
    stain, repair = rng.uniform(0.03, 0.3), rng.normal(0, 0.25)
    return Palette(value.astype(np.float32), loss.astype(np.float32), stain, repair)
