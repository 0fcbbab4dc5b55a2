"""From similarities to chances: how often a word with such a similarity was right."""

from __future__ import annotations

import numpy as np

from avs3d.bundle_config import ScoreConfig

_STEPS = 30
_RIDGE = 1e-5  # keeps the fit finite where right and wrong do not overlap


def fit_chances(cosine: np.ndarray, lead: np.ndarray, right: np.ndarray) -> ScoreConfig:
    """Logistic regression of `right` on similarity and lead, by Newton's method.

    Args:
        cosine, lead: (K,), see `avs3d.segmenter.Best`.
        right: (K,) bool.
    """
    x = np.stack([cosine, lead, np.ones_like(cosine)], 1).astype(np.float64)
    weights = np.zeros(3)
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-x @ weights))
        gradient = x.T @ (right - p) / len(x) - _RIDGE * weights
        curvature = (x * (p * (1 - p))[:, None]).T @ x / len(x) + _RIDGE * np.eye(3)
        weights = weights + np.linalg.solve(curvature, gradient)
    of_cosine, of_lead, bias = weights.round(4).tolist()
    return ScoreConfig(cosine=of_cosine, lead=of_lead, bias=bias)


def calibration_error(chance: np.ndarray, right: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error: mean gap between chance and share of right words, by chance."""
    index = np.clip((chance * bins).astype(int), 0, bins - 1)
    gaps = np.bincount(index, chance - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(chance))
