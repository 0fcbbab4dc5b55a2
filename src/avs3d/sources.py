"""`Sources`: whether words and features come from the points of a scan, its images, or both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from avs3d.errors import UserError

if TYPE_CHECKING:
    from avs3d.bundle import Bundle
    from avs3d.captioning import ImageCaptioner, ImageCaptionerConfig
    from avs3d.vision import PixelFeatures

CAPTIONERS = ("points", "images", "both")
FEATURES = ("distill", "fusion", "ensemble")
_PROBE = "a street"
_SAME = 0.999  # cosine similarity; weights of half the digits differ by less


@dataclass(frozen=True)
class Sources:
    """Where the words and the features of scans come from (paper, 3.3 and 3.4).

    Attributes:
        captioner: whose sentences give words: one of `CAPTIONERS`; None: of both where there is an
            image captioner, else of points.
        image_captioner: which one describes images; None: none does.
        feature: what is compared with words: one of `FEATURES`. ``distill`` is what the 3D network
            says of a point, ``fusion`` what the images say that show it, ``ensemble`` whichever is
            more alike to its best word. None: ``fusion`` where features are told, else ``distill``.
        pixels: features of images, see `avs3d.vision.load_pixel_features`; None: those of the CLIP
            model whose words the bundle uses.
        cell: a nearer point hides what lies behind it in a camera's view, see `camera_views`; None:
            nothing hides anything, as published.
        fold: words whose cosine similarity is higher become one, see `Vocabulary.folded`.
    """

    captioner: str | None = None
    image_captioner: ImageCaptionerConfig | None = None
    feature: str | None = None
    pixels: str | None = None
    cell: int | None = None
    fold: float | None = None

    def __post_init__(self) -> None:
        for value, known in ((self.captioner, CAPTIONERS), (self.feature, FEATURES)):
            if value not in (None, *known):
                raise ValueError(f"{value!r} is none of {', '.join(known)}")
        if self.captioner in ("images", "both") and self.image_captioner is None:
            raise UserError(
                f"captioner {self.captioner}: there is no image captioner; name one, or take points"
            )

    def told(self) -> dict[str, Any]:
        """Plain data for `run.json`."""
        described = self.image_captioner
        return {
            **vars(self),
            "image_captioner": None if described is None else described.model_dump(mode="json"),
        }

    @property
    def from_points(self) -> bool:
        """Whether sentences about points give words."""
        return self.captioner != "images"

    @property
    def from_images(self) -> bool:
        """Whether sentences about images give words."""
        return self.captioner != "points" and self.image_captioner is not None

    def chosen_feature(self, told: bool) -> str:
        """One of `FEATURES`; `told`: features of points were made elsewhere."""
        return feature_of(self.feature, told or self.pixels is not None)

    @property
    def looks_at_images(self) -> bool:
        """Whether features of pixels are needed, unless features of points are told."""
        return self.chosen_feature(told=False) != "distill"

    def load_image_captioner(self, device: Any) -> ImageCaptioner:
        """Raises `UserError` when there is none, or it cannot be loaded."""
        from avs3d.captioning.images import load_image_captioner

        if self.image_captioner is None:
            raise UserError("there is no image captioner; name one")
        return load_image_captioner(self.image_captioner, str(device))

    def load_pixels(self, bundle: Bundle, width: int, device: Any) -> PixelFeatures:
        """Features of pixels in the space of a bundle's words.

        Raises:
            UserError: they are of another space, or cannot be loaded.
        """
        from avs3d.vision import load_pixel_features

        clip = bundle.text_encoder.startswith("clip:")
        spec = self.pixels or (bundle.text_encoder if clip else None)
        if spec is None or (spec.startswith("clip:") and not clip):
            raise UserError(
                f"the words of bundle {bundle.name} are those of {bundle.text_encoder}, which no"
                " image model shares: give a bundle of CLIP, or leave out fusion and ensemble"
            )
        words = f"bundle {bundle.name} ({bundle.text_encoder})"
        found = load_pixel_features(spec, width, str(device), words)
        if clip and spec.startswith("clip:"):
            _check_space(spec, bundle)
        return found


def feature_of(chosen: str | None, from_images: bool) -> str:
    """One of `FEATURES`; where none was chosen, by whether features of images are told."""
    return chosen or ("fusion" if from_images else "distill")


def _check_space(spec: str, bundle: Bundle) -> None:
    """Two models of CLIP may be as wide and yet strangers; they are not if they say the same of a
    text. Of a vision tower that is kept without its text tower nothing is known."""
    from avs3d.text import load_text_encoder

    try:
        told = load_text_encoder(spec).encode([_PROBE])[0]
    except UserError:
        return
    words = load_text_encoder(bundle.text_encoder).encode([_PROBE])[0]
    if float(told @ words) < _SAME:
        raise UserError(
            f"pixel features {spec!r} are those of another model than the words of bundle"
            f" {bundle.name} ({bundle.text_encoder}), though as wide ({len(words)}): give the CLIP"
            " model whose text encoder is used"
        )
