"""Where in a scan a query is best answered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avs3d.scan import Scan


@dataclass(frozen=True)
class Place:
    """A neighbourhood of a very similar point.

    Attributes:
        similarity: of the point.
        position: (3,) float32 metres, of the point.
        points: how many lie within the radius and are nearly as similar.
    """

    similarity: float
    position: np.ndarray
    points: int

    def distance(self, scan: Scan) -> float | None:
        """Metres from the sensor of its scan; on a map, which has none, None."""
        return None if scan.origin.any() else float(np.linalg.norm(self.position))


def best_places(
    points: np.ndarray, similarity: np.ndarray, *, count: int = 5, radius: float = 2.0
) -> list[Place]:
    """The most similar points that are at least `radius` apart, best first.

    Args:
        points: (N, 3) metres.
        similarity: (N,), NaN where a point has no position.
        count: how many at most.
        radius: metres.
    """
    known = np.isfinite(similarity) & np.isfinite(points).all(1)
    if not known.any():
        return []
    middle, best = np.median(similarity[known]), similarity[known].max()
    level = float(middle + best) / 2  # half way from what is usual here to the best
    left = np.flatnonzero(known & (similarity >= level))
    places: list[Place] = []
    while len(left) and len(places) < count:
        peak = left[np.argmax(similarity[left])]
        near = np.linalg.norm(points[left] - points[peak], axis=1) <= radius
        places.append(
            Place(
                float(similarity[peak]),
                points[peak],
                int(near.sum()),
            )
        )
        left = left[~near]
    return places
