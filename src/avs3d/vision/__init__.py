"""Features of pixels and embeddings of images, in the space of a text encoder.

Importing the room loads numpy only; the model libraries follow when an image is looked at.
"""

from __future__ import annotations

from avs3d.vision.clip import ClipVision
from avs3d.vision.pixels import FeatureMap, PixelFeatures, load_pixel_features
from avs3d.vision.stored import StoredFeatures

__all__ = ["ClipVision", "FeatureMap", "PixelFeatures", "StoredFeatures", "load_pixel_features"]
