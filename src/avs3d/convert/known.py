"""Published weights by name: what they are, where they are had, and how they must be run."""

from __future__ import annotations

from dataclasses import dataclass

_OPENSCENE = "https://cvg-data.inf.ethz.ch/openscene/models"
_DRIVE = "https://drive.google.com/uc?export=download&confirm=t&id="


@dataclass(frozen=True)
class Source:
    """A file and its address."""

    file: str
    url: str


@dataclass(frozen=True)
class Known:
    """Weights that can be asked for by name.

    Attributes:
        what: in a few words.
        sources: the checkpoints that make the bundle.
        voxel_size: metres, as they were trained with.
        dim: width of their features, which tells the text encoder.
    """

    what: str
    sources: tuple[Source, ...]
    voxel_size: float
    dim: int


def _openscene(file: str, data: str, voxel_size: float, space: str, dim: int) -> Known:
    source = Source(f"{file}.pth.tar", f"{_OPENSCENE}/{file}.pth.tar")
    return Known(f"OpenScene, {data}, {space} features", (source,), voxel_size, dim)


_SMAP = Source("smap_model_epoch_20.pth.tar", _DRIVE + "1aBuSIzMheip9dPZTiUVkY8ww8253UJhr")
_CLIPCAP = Source("coco_weights.pt", _DRIVE + "1IdaBtMSvtyzF0ByVaBHtvM0JYSXRExRX")

KNOWN = {
    "3d-avs-nuscenes": Known(
        "3D-AVS, nuScenes: OpenScene's network, SMAP, and ClipCap trained on COCO",
        (_SMAP, _CLIPCAP),
        0.05,
        768,
    ),
    "openscene-nuscenes": _openscene("nuscenes_openseg", "nuScenes", 0.05, "OpenSeg", 768),
    "openscene-scannet": _openscene("scannet_openseg", "ScanNet", 0.02, "OpenSeg", 768),
    "openscene-scannet-lseg": _openscene("scannet_lseg", "ScanNet", 0.02, "LSeg", 512),
    "openscene-matterport": _openscene("matterport_openseg", "Matterport3D", 0.02, "OpenSeg", 768),
    "openscene-matterport-lseg": _openscene("matterport_lseg", "Matterport3D", 0.02, "LSeg", 512),
}
"""Addresses and voxel sizes as in the configurations of OpenScene and 3D-AVS."""
