"""Captioners: from what was seen of a view to a sentence about it, and from images to others."""

from __future__ import annotations

from avs3d.captioning.images import (
    ImageCaptioner,
    ImageCaptionerConfig,
    load_image_captioner,
)
from avs3d.captioning.points import PointCaptioner, PrefixCaptioner, load_captioner

__all__ = [
    "ImageCaptioner",
    "ImageCaptionerConfig",
    "PointCaptioner",
    "PrefixCaptioner",
    "load_captioner",
    "load_image_captioner",
]
