"""What a text encoder is, and how one is found by its spec."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from avs3d.errors import UserError


class TextEncoder(Protocol):
    """Turns texts into unit vectors of one space."""

    @property
    def name(self) -> str:
        """The spec that `load_text_encoder` finds it by."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes whenever the weights do; found without loading them."""
        ...

    @property
    def dim(self) -> int:
        """Width of the space."""
        ...

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """(len(texts), dim) float32 with rows of length 1; no texts give shape (0, dim).

        The row of a text hangs on that text alone, so that it may be kept and found again beside
        others: to the bit, or the last bits with models narrower than 64.

        Raises:
            UserError: the encoder's weights are not there and cannot be fetched.
        """
        ...


def load_text_encoder(spec: str) -> TextEncoder:
    """The encoder of a spec, with its embeddings cached on disk; weights are read when needed.

    Args:
        spec: ``minilm`` (packaged, 384-d), ``clip:X`` or ``sentence:X``, where X is a local folder
            or a hub id such as ``openai/clip-vit-large-patch14-336``.

    Raises:
        UserError: the spec is none of these.
    """
    from avs3d.text.cache import CachedEncoder
    from avs3d.text.clip import ClipTextEncoder
    from avs3d.text.sentence import SentenceEncoder

    kind, _, place = spec.partition(":")
    if spec == "minilm":
        return CachedEncoder(SentenceEncoder("minilm"))
    if kind == "sentence" and place:
        return CachedEncoder(SentenceEncoder(place))
    if kind == "clip" and place:
        return CachedEncoder(ClipTextEncoder(place))
    raise UserError(
        f"text encoder {spec!r} is not known: use minilm, clip:FOLDER_OR_HUB_ID "
        "or sentence:FOLDER_OR_HUB_ID"
    )
