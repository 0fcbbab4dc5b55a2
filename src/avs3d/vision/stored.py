"""Features of pixels that were made elsewhere, a file an image."""

from __future__ import annotations

import contextlib
import filecmp
import mmap
import os
from pathlib import Path

import numpy as np

from avs3d.errors import ReadError, UserError
from avs3d.io.npy import array_from
from avs3d.io.source import MalformedError, damaged, naming, show
from avs3d.scan import Camera
from avs3d.vision.pixels import FeatureMap

EXTENSIONS = (".npy", ".safetensors")
_LONGEST = 4  # parts of a name: KITTI's are DRIVE/image_02/data/0000000000
_COLOURS = "color"  # OpenScene's name for the folder of a scene's images


class StoredFeatures:
    """A folder with the features of images: ``.npy``, or ``.safetensors`` with one tensor.

    Each is (h, w, D) or (D, h, w) float16 or float32, of as many cells as there are. For camera C
    of scan S the file is ``C/S``, ``S/C`` or ``S.C``, or it is called as the image is, with up to
    three of the folders that it lies in. A file is for one image only: where an image of another
    sequence is called alike, the name must tell the sequence.

    Files are mapped, not read: what of them is sampled is all that is looked at. They are taken as
    they are, without scaling to length 1, as published for features that were stored.

    Args:
        folder: where they are.
        width: D, by which the axes are told apart.

    Raises:
        UserError: the folder holds no such file.
    """

    def __init__(self, folder: Path, width: int) -> None:
        self.name = show(folder)
        self.dim = width
        self._folder = folder
        self._served: dict[Path, Path] = {}
        if not any(path.suffix in EXTENSIONS for path in folder.rglob("*")):
            raise UserError(
                f"{show(folder)}: holds no features of pixels ({' or '.join(EXTENSIONS)}); give"
                " their folder"
            )

    def of(self, camera: Camera) -> FeatureMap:
        """The features of a camera's image, see `PixelFeatures.of`; its size must be known."""
        if camera.size is None:
            raise ValueError(f"the size of camera {camera.name!r} is not known yet")
        if isinstance(camera.image, np.ndarray):
            raise ReadError(
                f"{show(self._folder)}: features are found by the name of the image, and it has"
                " none; give images as files"
            )
        image = Path(os.path.abspath(camera.image))
        path = self._find(image, camera.name)
        with naming(path):
            other = _called_alike(image, camera.name, path)
            other = other or self._served.setdefault(path, image)
            if other != image:
                raise MalformedError(
                    f"may be for {show(image)} or for {show(other)}; call it {_apart(image, other)}"
                )
            return FeatureMap(_grid(_array(path), self.dim), camera.size)

    def _find(self, image: Path, camera: str) -> Path:
        folder = image.parent.parent if image.parent.name == _COLOURS else image.parent
        own, parts = image.stem, image.with_suffix("").parts[1:]
        scan = folder.name if own == camera else own.removesuffix(f".{camera}")
        names = [f"{camera}/{scan}", f"{scan}/{camera}", f"{scan}.{camera}", f"{folder.name}/{own}"]
        names = list(dict.fromkeys([*names, own]))
        long = ["/".join(parts[-count:]) for count in range(_LONGEST, 2, -1)]
        for alike in ([long[0]], [long[1]], names):
            paths = [self._folder / (name + end) for name in alike for end in EXTENSIONS]
            found = [path for path in paths if path.is_file()]
            if found:
                break
        if len(found) == 1:
            return found[0]
        raise ReadError(
            f"{show(self._folder)}: has {len(found) or 'no'} files called"
            f" {show(' or '.join(alike))} ({', '.join(EXTENSIONS)}); there must be one"
        )


def _called_alike(image: Path, camera: str, path: Path) -> Path | None:
    """An image of another scan or sequence that a file of features may be meant for as well.

    That is one at the same place below a folder whose name the file's path does not have. It need
    not be of this run: which scans came before must not decide what a file is taken for.
    """
    parts = Path(os.path.abspath(path)).with_suffix("").parts
    told = {part.removesuffix(f".{camera}") for part in parts}
    first = 0 if image.stem == camera else 1  # beside the folder of a camera are other cameras
    for folder in image.parents[first : _LONGEST - 1]:
        if folder.name in (*told, _COLOURS, ""):
            continue
        with contextlib.suppress(OSError):
            place = image.relative_to(folder)
            for beside in sorted(folder.parent.iterdir()):
                other = beside / place
                if other.is_file() and not filecmp.cmp(image, other, shallow=False):  # no copy
                    return other
    return None


def _apart(image: Path, other: Path) -> str:
    """What sets the name of an image apart from another's."""
    shared = os.path.commonpath([image, other])
    return show("/".join(image.relative_to(shared).with_suffix("").parts[-_LONGEST:]))


def _array(path: Path) -> np.ndarray:
    """The array of a file, as it lies there."""
    try:
        with path.open("rb") as file:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except ValueError:
        raise MalformedError("is empty (0 bytes); get the file again") from None
    except OSError as error:
        raise MalformedError(f"cannot be read ({error.strerror}); check the file") from None
    return array_from(data) if path.suffix == ".npy" else _tensor(path)


def _tensor(path: Path) -> np.ndarray:
    import torch
    from safetensors import safe_open

    with damaged("safetensors"), safe_open(path, "pt") as file:  # which maps, where "np" copies
        keys = list(file.keys())
        if len(keys) != 1:
            raise MalformedError(f"holds {len(keys)} tensors; save the one of the features")
        found = file.get_tensor(keys[0])
    if found.dtype not in (torch.float16, torch.float32):
        raise MalformedError(_wanted(tuple(found.shape), str(found.dtype)))
    array: np.ndarray = found.numpy()
    return array


def _grid(array: np.ndarray, width: int) -> np.ndarray:
    """(h, w, D), or `MalformedError` where it is not certain which axis is which."""
    shape = array.shape
    if array.ndim != 3 or array.dtype.kind != "f" or array.dtype.itemsize not in (2, 4):
        raise MalformedError(_wanted(shape, str(array.dtype)))
    if width not in (shape[0], shape[2]):
        raise MalformedError(
            f"has shape {shape}, and features {width} wide are wanted, first or last; give those of"
            " the text encoder's space"
        )
    if not array.size:
        raise MalformedError(f"has shape {shape}, which holds nothing; make it again")
    if shape[0] == shape[2]:
        raise MalformedError(
            f"has shape {shape}, of which the first or the last may be the features; save it with"
            " another number of cells"
        )
    return array if shape[2] == width else array.transpose(1, 2, 0)


def _wanted(shape: tuple[int, ...], kind: str) -> str:
    return (
        f"holds an array of shape {shape} and type {kind[:60]}; save features of pixels as"
        " (h, w, D) float16 or float32"
    )
