"""Captioners: from what was seen of a view to a sentence about it."""

from __future__ import annotations

from avs3d.captioning.points import PointCaptioner, PrefixCaptioner, load_captioner

__all__ = ["PointCaptioner", "PrefixCaptioner", "load_captioner"]
