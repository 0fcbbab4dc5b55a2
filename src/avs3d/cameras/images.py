"""The pixels of camera images, through Pillow.

It stays in this process: memory is bounded by the size that is read before anything is decoded,
and the four formats are those whose decoders take any damage as an exception.
"""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from avs3d.errors import ReadError
from avs3d.io.source import MalformedError, damaged, load_small, naming, show
from avs3d.scan import Camera

if TYPE_CHECKING:
    from PIL.Image import Image

EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
MAX_PIXELS = 50_000_000
"""A larger image is refused: decoded and turned, one takes ten bytes a pixel, half a gigabyte."""
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
_MAX_BYTES = 256 << 20


def pixels(image: Path | np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 of `Camera.image`; an array as it is.

    Images are turned as their EXIF entry says, as viewers and OpenCV do. Grey and CMYK become RGB,
    transparency is left away, and of 16 bits the 8 that the brightest pixel uses are kept.

    Raises:
        ReadError: a file that is missing, damaged, too large, or no image.
    """
    if isinstance(image, np.ndarray):
        return image
    with naming(image), damaged("image"):
        return _to_rgb(opened(image))


def pixels_of(camera: Camera) -> np.ndarray:
    """`pixels` of its image.

    Raises:
        ReadError: also where the image has another size than the calibration is for.
    """
    image = pixels(camera.image)
    path = Path("its image") if isinstance(camera.image, np.ndarray) else camera.image
    with naming(path):
        check_size(camera, (image.shape[1], image.shape[0]))
    return image


def sized(camera: Camera) -> Camera:
    """The camera with the size of its image, which is opened where that is not known.

    Raises:
        ReadError: it cannot be read.
    """
    if camera.size is not None:
        return camera
    height, width = pixels(camera.image).shape[:2]
    return replace(camera, size=(width, height))


def unused(camera: Camera, error: ReadError) -> str:
    """What `Scan.left_out` says of a camera whose file cannot be used."""
    return f"camera {show(camera.name)}: {error}"


def check_size(camera: Camera, size: tuple[int, int]) -> None:
    """Raise `MalformedError` where the calibration of a camera is for another size."""
    if camera.size not in (None, size):
        told = "{} x {}".format(*(camera.size or ()))
        raise MalformedError(
            f"is {size[0]} x {size[1]}, its calibration is for {told}; give the image as it was"
            " calibrated"
        )


def depths(path: Path) -> np.ndarray:
    """(H, W) float32 metres of `Camera.depth`, an image of millimetres; 0: not measured.

    Raises:
        ReadError: as `pixels`, and an image without 16 bits of grey, which holds no millimetres.
    """
    with naming(path), damaged("image"):
        image = opened(path)
        if not image.mode.startswith("I"):
            raise MalformedError(
                f"is an image of type {image.mode}, no depths; save millimetres as 16-bit grey"
            )
        return np.asarray(image).clip(0).astype(np.float32) / np.float32(1000)


def opened(path: Path) -> Image:
    """The decoded image, turned as its EXIF entry says, or `MalformedError`."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    data = load_small(path, _MAX_BYTES, "give a smaller image")
    with damaged("image"):
        try:
            image = Image.open(io.BytesIO(data), formats=_FORMATS)
        except UnidentifiedImageError:
            raise MalformedError(
                "is no readable JPEG, PNG, WebP or BMP; save it as one of them"
            ) from None
        except Image.DecompressionBombError:
            raise MalformedError(_too_large("")) from None
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise MalformedError(_too_large(f" ({width} x {height})"))
        image.load()
        return ImageOps.exif_transpose(image)


def _too_large(size: str) -> str:
    limit = f"{MAX_PIXELS // 10**6} megapixels"
    return f"has more than {limit}{size}; make it smaller, and scale its calibration"


def _to_rgb(image: Image) -> np.ndarray:
    if not image.mode.startswith("I"):
        return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
    values = np.asarray(image).clip(0)
    unused = max(int(values.max(initial=0)).bit_length() - 8, 0)
    grey: np.ndarray = (values >> unused).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)
