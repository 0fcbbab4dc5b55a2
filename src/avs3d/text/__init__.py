"""Text encoders behind one protocol, and their embeddings cached on disk.

Importing the room loads numpy only; the model libraries follow when a text is not in the cache.
"""

from __future__ import annotations

from avs3d.text.cache import CachedEncoder
from avs3d.text.clip import ClipTextEncoder
from avs3d.text.encoder import TextEncoder, load_text_encoder
from avs3d.text.sentence import SentenceEncoder

__all__ = [
    "CachedEncoder",
    "ClipTextEncoder",
    "SentenceEncoder",
    "TextEncoder",
    "load_text_encoder",
]
