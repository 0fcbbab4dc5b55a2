"""The parts of a human figure: legs, trunk, arms, head, and what is worn."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.shapes.mesh import Shape
from avs3d.simulation.shapes.parts import turned

_HATS = ("", "hair", "long hair", "cap", "hat", "hood", "helmet")
_HAT_SHARE = np.array([0.3, 0.2, 0.13, 0.12, 0.06, 0.13, 0.06])


def limb(shape: Shape, points: list[np.ndarray], radii: tuple[float, ...], material: str) -> None:
    for i in range(len(points) - 1):
        shape.tube(material, points[i], points[i + 1], radii[i], radii[i + 1], sides=6)


def legs(
    rng: np.random.Generator,
    shape: Shape,
    hip: np.ndarray,
    scale: float,
    stride: float,
    material: str = "fabric",
    girth: float = 1.0,
) -> None:
    """Two legs from the hip to the ground, `stride` radians apart to each side."""
    length = hip[2] - 0.05
    apart = rng.uniform(0.07, 0.12) * scale
    bare = rng.random() < 0.12
    for side in (-1, 1):
        joint = hip + [0, side * apart, 0]
        angle = side * stride
        knee_bend = max(-angle, 0) * rng.uniform(0.3, 1.0)
        knee = joint + 0.5 * length * np.array([np.sin(angle), 0, -np.cos(angle)])
        low = angle - knee_bend
        foot = knee + 0.5 * length * np.array([np.sin(low), 0, -np.cos(low)])
        thick = np.array([0.088, 0.062, 0.05]) * scale * girth
        limb(shape, [joint, knee], (thick[0], thick[1]), material)
        limb(shape, [knee, foot], (thick[1], thick[2]), "skin" if bare else material)
        shape.ball("dark plastic", foot + [0.06, 0, 0], (0.13 * scale, 0.05, 0.05))


def headwear(shape: Shape, kind: str, head: np.ndarray, scale: float) -> None:
    if kind == "hair":
        shape.ball("fabric", head + [-0.03, 0, 0.04], np.array([0.115, 0.1, 0.12]) * scale)
    elif kind == "long hair":
        shape.ball("fabric", head + [-0.05, 0, -0.03], np.array([0.1, 0.11, 0.22]) * scale)
    elif kind == "cap":
        shape.ball("cloth", head + [0, 0, 0.06], np.array([0.12, 0.1, 0.09]) * scale)
        shape.box("cloth", head + [0.13, 0, 0.05], (0.12, 0.14, 0.015))
    elif kind == "hat":
        rim = [(0.0, 0.2), (0.09, 0.19), (0.1, 0.07), (0.2, 0.05), (0.0, 0.05)]
        turned(shape, "cloth", rim, head, 8)
    elif kind == "hood":
        shape.ball("cloth", head + [-0.04, 0, 0.0], np.array([0.13, 0.13, 0.17]) * scale)
    elif kind == "helmet":
        shape.ball("plastic", head + [0, 0, 0.06], (0.155, 0.13, 0.12))


def _retro_stripes(shape: Shape, hip: np.ndarray, up: np.ndarray, build: float) -> None:
    """Two bands about the trunk that throw the light back."""
    for high in (0.14, 0.32):
        low = hip + high * up
        shape.tube("retro", low, low + 0.05 * up, 0.215 * build, sides=8)


def upper_body(
    rng: np.random.Generator,
    shape: Shape,
    hip: np.ndarray,
    scale: float,
    lean: float,
    hands: list[np.ndarray] | None = None,
    *,
    hat: str | None = None,
    build: float | None = None,
    vest: bool = False,
    coat: bool = False,
    arms: bool = True,
) -> np.ndarray:
    """Trunk, head and arms above a hip point; hands hang or swing unless given.

    Returns the place of the head.
    """
    up = np.array([np.sin(lean), 0, np.cos(lean)])
    build = rng.uniform(0.86, 1.2) if build is None else build
    chest, neck = hip + 0.34 * scale * up, hip + 0.54 * scale * up
    belly = build * rng.uniform(0.95, 1.3) if build > 1.1 else build
    trunk = "cloth"
    shape.ball(trunk, hip + 0.07 * up, (0.13 * belly * scale, 0.175 * build * scale, 0.17 * scale))
    size = (0.135 * build * scale, 0.2 * build * scale, 0.28 * scale)
    shape.ball(trunk, chest, size, pitch=lean)
    if coat:
        knee = hip - np.array([0, 0, rng.uniform(0.3, 0.5) * scale])
        shape.tube(trunk, knee, hip + 0.2 * up, 0.23 * scale * build, 0.17 * scale * build, sides=8)
    if vest:
        _retro_stripes(shape, hip, up, build * scale)
    shape.tube("skin", neck - 0.05 * up, neck + 0.08 * up, 0.06 * scale)
    head = neck + 0.2 * scale * up
    shape.ball("skin", head, (0.1 * scale, 0.08 * scale, 0.125 * scale))
    kind = _HATS[rng.choice(7, p=_HAT_SHARE)] if hat is None else hat
    headwear(shape, kind, head, scale)
    swing = rng.uniform(-0.6, 0.6)
    sleeves = "skin" if rng.random() < 0.2 else trunk
    for k, side in enumerate((-1, 1)) if arms else ():
        shoulder = neck + np.array([0, side * 0.19 * build * scale, 0]) - 0.06 * scale * up
        if hands is not None:
            hand = shoulder + (hands[k] - shoulder) * min(
                1.0, 0.62 * scale / max(float(np.linalg.norm(hands[k] - shoulder)), 0.01)
            )
            slack = max(0.0, 0.6 * scale - float(np.linalg.norm(hand - shoulder)))
            elbow = (shoulder + hand) / 2 + [-0.1 * slack, side * 0.35 * slack, -0.4 * slack]
        else:
            angle = side * swing + rng.normal(0, 0.15)
            bend = angle + rng.uniform(0, 0.9)
            elbow = shoulder + 0.29 * scale * np.array([np.sin(angle), side * 0.2, -np.cos(angle)])
            hand = elbow + 0.27 * scale * np.array([np.sin(bend), -side * 0.05, -np.cos(bend)])
        limb(shape, [shoulder, elbow], (0.058 * scale, 0.046 * scale), trunk)
        limb(shape, [elbow, hand], (0.046 * scale, 0.034 * scale), sleeves)
        shape.ball("skin", hand, (0.045 * scale, 0.035 * scale, 0.055 * scale))
    return head
