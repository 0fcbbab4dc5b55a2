"""Fixtures shared by all rooms: where real samples and golden outputs lie, when they are there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Before torch is imported: threads that wait by spinning make a busy machine many times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

SHARED = Path(__file__).resolve().parents[1].parent / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with `data/`, `golden/` and `reference/` beside the checkout."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"needs the real samples in {SHARED}, which are not part of the repository")
    return SHARED


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder with the outputs of the official code."""
    if not (SHARED / "golden").is_dir():
        pytest.skip(f"needs the golden outputs in {SHARED}, which are not part of the repository")
    return SHARED / "golden"
