"""`bundle.json`: what a bundle is made of. Loads neither torch nor weights."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from avs3d.convert.known import KNOWN
from avs3d.errors import UserError
from avs3d.inputs import INPUTS
from avs3d.models.configs import (
    CaptionerConfig,
    NetworkConfig,
    PointTransformerV3Config,
    PoolingConfig,
    Strict,
)

PACKAGED = Path(__file__).parent / "bundles"
CONFIG = "bundle.json"
TOKENIZER = "tokenizer.json"
_MAX_CONFIG_BYTES = 1 << 20
_PartName = Annotated[str, Field(pattern=r"^\w[\w-]*\.(safetensors|json)$")]
_Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Prompt = Annotated[str, Field(max_length=1000, pattern=r"\{word\}")]
"""What is said to a text encoder; ``{word}`` stands for the word."""


def kind_of(network: Any) -> Any:
    """Which of the networks a config is of, whether it was read already or not."""
    if isinstance(network, dict):
        return network.get("kind", "minkunet")
    return getattr(network, "kind", None)


def _leads_nowhere_else(text: str) -> str:
    if not text.isprintable():
        raise ValueError("control characters are not allowed")
    if ".." in re.split(r"[/\\:]", text):
        raise ValueError("a path with .. is not allowed")
    return text


BundleName = Annotated[
    str, Field(min_length=1, max_length=100), AfterValidator(_leads_nowhere_else)
]
"""How a bundle is called."""


class ScoreConfig(Strict):
    """Makes a score of a similarity: the chance that the word is right.

    ``1 / (1 + exp(-(cosine * similarity + lead * its lead + bias)))``; the lead of a word: see
    `avs3d.segmenter.Best`.
    """

    cosine: float
    lead: float
    bias: float


class KindConfig(Strict):
    """What some words name.

    Attributes:
        words: all their forms, singular and plural, in lower case.
        anchors: which of `SayingConfig.anchors` are of the kind.
        bias: how far the voxels of a view are to be believed.
    """

    words: tuple[str, ...] = Field(min_length=1)
    anchors: tuple[Annotated[int, Field(ge=0, lt=4096)], ...] = Field(min_length=1)
    bias: float


class SayingConfig(Strict):
    """What must be sure before a caption says it, see `avs3d.captioning.saying`.

    Attributes:
        anchors: words that voxels are told apart by.
        scale: of similarities, before they become shares of the anchors.
        voxels, peak, likeness: weights of what is seen of a kind in a view.
        sentences: chance from which the caption of a view may name a kind.
        words: chance from which a caption that is drawn for the sake of words may.
        guesses: the same of another, which may name nothing that is sure.
        attributes: words that stand before many a noun, of whose name they are no part, in lower
            case.
        only_after: words that make no sense but right behind some others, and these: "left" behind
            "on the".
        speech: the words and marks of captions besides names, in lower case; a sentence with
            another, put together from pieces, names nothing. Without any, all are taken.
    """

    anchors: tuple[str, ...] = Field(min_length=1, max_length=4096)
    scale: float = Field(gt=0, le=1000)
    voxels: float
    peak: float
    likeness: float
    sentences: float = Field(ge=0, le=1)
    words: float = Field(ge=0, le=1)
    guesses: float = Field(default=0.2, ge=0, le=1)
    attributes: tuple[str, ...] = ()
    only_after: dict[str, str] = Field(default_factory=dict)
    speech: tuple[str, ...] = Field(default=(), max_length=65536)
    kinds: tuple[KindConfig, ...] = Field(min_length=1, max_length=4096)

    @field_validator("kinds")
    @classmethod
    def _of_anchors(
        cls, kinds: tuple[KindConfig, ...], info: ValidationInfo
    ) -> tuple[KindConfig, ...]:
        count = len(info.data.get("anchors", ()))
        if any(anchor >= count for kind in kinds for anchor in kind.anchors):
            raise ValueError(f"a kind has an anchor that is none of the {count}")
        return kinds


class KnownWordsConfig(Strict):
    """Words that a bundle was taught and what they name, see `avs3d.known_words`.

    Attributes:
        kinds: of things, each by one of the words.
        words: which of the kinds each names.
        scale: of similarities, before they become shares of the kinds.
        sharpness: of the likeness of words, before it becomes shares of the known ones.
        weight: of what is known, beside the cosine similarity.
        least: chance that is left to a word of which the points show nothing.
    """

    kinds: tuple[str, ...] = Field(min_length=1, max_length=4096)
    words: dict[str, tuple[Annotated[int, Field(ge=0, lt=4096)], ...]] = Field(max_length=100_000)
    scale: float = Field(gt=0, le=1000)
    sharpness: float = Field(gt=0, le=1000)
    weight: float = Field(ge=0, le=100)
    least: float = Field(gt=0, le=1)

    @field_validator("words")
    @classmethod
    def _of_kinds(
        cls, words: dict[str, tuple[int, ...]], info: ValidationInfo
    ) -> dict[str, tuple[int, ...]]:
        kinds = info.data.get("kinds", ())
        if any(kind >= len(kinds) for named in words.values() for kind in named):
            raise ValueError(f"a word names a kind that is none of the {len(kinds)}")
        if unknown := [kind for kind in kinds if kind not in words]:
            raise ValueError(f"{unknown[0]!r} is a kind but none of the words")
        return words


class BundleConfig(Strict):
    """`bundle.json`.

    Attributes:
        text_encoder: see `avs3d.text.load_text_encoder`.
        prompt: what is said to the text encoder of a word.
        voxel_size: metres.
        grid: where the voxel grid begins: at the ``frame``'s origin, as published, or at the
            ``cloud``'s lowest coordinates, so that the frame does not show in the result.
        inputs: what the network sees of a point, names of `avs3d.inputs.INPUTS`.
        network: sizes of the 3D network; ``kind`` says which one it is.
        views: azimuth sectors that a scan is described in (12 published).
        saying: what must be sure before a caption says it; None: captions say what they like.
        known_words: words that it was taught, to understand others by; None: none are told.
        score: how similarities become chances; None: the score of a point is its similarity.
        low_score: mean similarity below which the words of a scan should not be trusted.
        files: sha256 of every file of the bundle that is loaded, by name.
        provenance: where the weights come from: data, date, licence, measured scores.
    """

    format: Literal[1] = 1
    name: BundleName
    text_encoder: Annotated[
        str, Field(min_length=1, max_length=1000), AfterValidator(_leads_nowhere_else)
    ]
    prompt: Prompt
    voxel_size: float = Field(gt=0, le=10)
    grid: Literal["frame", "cloud"] = "frame"
    inputs: tuple[str, ...]
    network: Annotated[
        Annotated[NetworkConfig, Tag("minkunet")]
        | Annotated[PointTransformerV3Config, Tag("ptv3")],
        Discriminator(kind_of),
    ]
    pooling: PoolingConfig | None = None
    captioner: CaptionerConfig | None = None
    views: int = Field(12, gt=0, le=360)
    saying: SayingConfig | None = None
    known_words: KnownWordsConfig | None = None
    score: ScoreConfig | None = None
    low_score: float | None = None
    files: dict[_PartName, _Sha256] = Field(default_factory=dict)
    provenance: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits_together(self) -> BundleConfig:
        """Each part takes what the one before it gives."""
        network, pooling, captioner = self.network, self.pooling, self.captioner
        if len(self.inputs) != network.in_channels:
            raise ValueError(f"{len(self.inputs)} inputs for a network of {network.in_channels}")
        if pooling and pooling.in_channels != network.out_channels:
            raise ValueError(
                f"a pooling of features {pooling.in_channels} wide, and the network gives "
                f"{network.out_channels}"
            )
        if pooling and captioner and captioner.embedding_dim != pooling.out_channels:
            raise ValueError(
                f"a captioner of embeddings {captioner.embedding_dim} wide, and the pooling gives "
                f"{pooling.out_channels}"
            )
        return self


def list_bundles() -> list[str]:
    """Names of the packaged bundles."""
    return sorted(path.parent.name for path in PACKAGED.glob(f"*/{CONFIG}"))


def is_part(name: str) -> bool:
    """Whether a file of a bundle's folder is loaded with it."""
    return name.endswith(".safetensors") or name == TOKENIZER


def sha256(path: Path) -> str:
    """Of a file's content, as hexadecimal digits."""
    digest = hashlib.sha256()
    _feed(digest, path)
    return digest.hexdigest()


def _feed(digest: hashlib._Hash, path: Path) -> None:
    with path.open("rb") as handle:
        while part := handle.read(1 << 20):
            digest.update(part)


def find_folder(name: str) -> Path | None:
    """Of a bundle, None if it is a hub's or there is none; published weights are fetched for it.

    Raises:
        UserError: see `avs3d.convert.fetch.fetch`.
    """
    if name in list_bundles():
        return PACKAGED / name
    folder = os.path.expanduser(name)
    if os.path.isdir(folder):
        return Path(folder)
    if name in KNOWN:
        from avs3d.convert.fetch import fetch  # which itself makes bundles

        return fetch(name)
    return None


def fingerprint(name: str) -> str | None:
    """A hash of a bundle's files, so that a run knows whether it is the bundle of an earlier one.

    None for a bundle of a hub, which is known by its name alone, and for one that is not there.

    Raises:
        UserError: see `find_folder`.
    """
    if (folder := find_folder(name)) is None:
        return None
    try:
        files = sorted([*folder.glob("*.json"), *folder.glob("*.safetensors")])
        digest = hashlib.sha256()
        for path in files:
            digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
            _feed(digest, path)
    except OSError:
        return None
    return digest.hexdigest() if files else None


def read_config(folder: Path) -> BundleConfig:
    """The validated `bundle.json` of a folder.

    Raises:
        UserError: it is missing, too large, not JSON, or has unknown, missing or wrong entries.
    """
    path = folder / CONFIG
    try:
        if path.stat().st_size > _MAX_CONFIG_BYTES:
            raise UserError(f"{path} is larger than 1 MiB: not a bundle's config")
        config = BundleConfig.model_validate(json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        raise UserError(f"{folder} is no bundle: it has no {CONFIG}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "its parts"
        raise UserError(f"{path}: {where}: {first['msg']}; fetch the bundle again") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read: {error}; fetch the bundle again") from None
    unknown = [name for name in config.inputs if name not in INPUTS]
    if unknown:
        raise UserError(f"{path}: unknown inputs {', '.join(unknown)}; update avs3d")
    return config
