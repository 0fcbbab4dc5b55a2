"""Rows of digits after a header that tells their types: of ascii ``.ply`` and ``.pcd``."""

from __future__ import annotations

import io

import numpy as np

from avs3d.io.columns import whole
from avs3d.io.source import MalformedError, check_claim, damaged


def ascii_columns(
    text: memoryview, dtype: np.dtype, points: int, kind: str, *, skip: int = 0, comment: str = ""
) -> dict[str, np.ndarray]:
    """The columns of `points` rows by name, each (points,), in their types.

    One that should hold integers and does not (``nan``, ``0.5``) is float64.

    Args:
        text: what follows the header.
        dtype: of a row.
        points: how many rows the header promises.
        kind: the format's extension.
        skip: rows of anything that come first.
        comment: what begins a comment.

    Raises:
        MalformedError: rows are missing, or hold no numbers.
    """
    names = dtype.names or ()
    if not points:
        return {name: np.empty(0, dtype[name]) for name in names}
    # a value is a digit and a separator at least; the last line may lack its separator
    check_claim(points, points * 2 * len(names) + skip, len(text) + 1)
    wide = np.dtype([(n, "f8" if dtype[n].kind in "iu" else dtype[n]) for n in names])

    def load(types: np.dtype) -> np.ndarray:
        return np.loadtxt(
            io.BytesIO(text), types, skiprows=skip, max_rows=points, comments=comment or None,
            ndmin=1, encoding="latin-1",
        )  # fmt: skip

    with damaged(kind):
        try:
            rows = load(dtype)
        except ValueError:  # numpy takes no 4.0 for an integer
            rows = load(wide)
    if len(rows) < points:
        raise MalformedError(f"truncated: {len(rows)} of {points} points; get the file again")
    return {name: _typed(rows[name], dtype[name]) for name in names}


def _typed(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """In the type that the header tells, as far as that changes none of them."""
    exact = None if values.dtype == dtype else whole(values, dtype)
    return values if exact is None else exact
