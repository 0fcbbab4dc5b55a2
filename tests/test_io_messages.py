"""Every message that a file which cannot be read gives, with its full text.

The last test looks through the code for messages that are not among them.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import avs3d.io
from avs3d.errors import ReadError, UserError
from avs3d.io import find, read, read_result
from avs3d.io.columns import parse_columns
from avs3d.io.labels import read_labels
from io_files import (
    INTENSITY,
    RING,
    XYZ,
    bin_bytes,
    e57_bytes,
    las_bytes,
    npy_bytes,
    npz_bytes,
)
from io_refusals import CASES, KINDS
from messages import texts_in_the_code
from pickle_files import HOSTILE, LONG
from test_io_frames import FRAMES


@pytest.mark.parametrize(
    ("name", "content", "message"), [case for cases in CASES.values() for case in cases]
)
def test_what_a_file_holds(
    tmp_path: Path, name: str, content: bytes | Callable[[], bytes], message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content() if callable(content) else content)
    assert refusal(path) == message


def refusal(path: Path, columns: str | None = None) -> str:
    with pytest.raises(ReadError) as caught:
        read(path, columns=columns)
    start = f"{path}: "
    assert str(caught.value).startswith(start)
    return str(caught.value)[len(start) :]


TOLD = [
    (
        "a.bin",
        bin_bytes(INTENSITY),
        "6",
        "1280 bytes are no whole number of rows of 6 float32 columns (whole for: 4, 5, 8, 10);"
        " pass another --columns, or get the file again",
    ),
    ("a.npy", npy_bytes(XYZ), "5", "has 3 columns, not 5; pass --columns with 3 names"),
    ("a.xyz", b"1 2 3\n", "5", "line 1 has 3 columns, --columns 5; correct --columns"),
]


@pytest.mark.parametrize(("name", "content", "columns", "message"), TOLD)
def test_what_does_not_fit_the_columns(
    tmp_path: Path, name: str, content: bytes, columns: str, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert refusal(tmp_path / name, columns) == message


FOLDER = "is a folder; give the files in it, or the folder to `avs3d segment`"
NO_FILE = "is not a regular file; copy its content into a file first"


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "x.bin").mkdir()
    assert refusal(tmp_path / "x.bin") == FOLDER
    (tmp_path / "scan_1.bin").write_bytes(b"x")
    assert refusal(tmp_path / "b.laz") == "no such file; check the path"
    assert refusal(tmp_path / "scan_2.bin") == "no such file; did you mean scan_1.bin?"
    gone = tmp_path / "gone"
    assert refusal(gone / "a.bin") == f"no such file, and no folder {gone}; check the path"
    long = tmp_path / f"{'a' * 300}.bin"
    assert refusal(long) == "cannot be read (File name too long); check the path and the disk"
    with open(tmp_path / "big.bin", "wb") as handle:
        handle.truncate(5 << 30)
    too_large = "5.0 GiB are more than the 4.0 GiB that are read at once; split it into tiles"
    assert refusal(tmp_path / "big.bin") == too_large
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.bin")
        assert refusal(tmp_path / "pipe.bin") == NO_FILE


def fails(error: Exception) -> Callable[..., None]:
    def call(*arguments: object, **options: object) -> None:
        raise error

    return call


PATCHED = {
    "no permission to read it; change that with chmod, or copy it": (
        "os.open", fails(PermissionError()),
    ),
    "cannot be read (Input/output error); check the path and the disk": (
        "os.open", fails(OSError(5, "Input/output error")),
    ),
    "could not be unpacked in time; export it again as .las or .ply": (
        "subprocess.run", fails(subprocess.TimeoutExpired("", 1)),
    ),
    "truncated or damaged: its points do not unpack; get the file again": (
        "avs3d.io.apart._CHILD", "import os; os._exit(1)",
    ),
    "the process that unpacked it was killed; if memory was short, split the cloud into tiles": (
        "avs3d.io.apart._CHILD", "import os; os.kill(os.getpid(), 9)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("message", PATCHED)
def test_what_goes_wrong_around_it(
    tmp_path: Path, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.laz"
    path.write_bytes(las_bytes(packed=True))
    monkeypatch.setattr(*PATCHED[message])
    assert refusal(path) == message


CHANGED = "changed while it was read; try again when it is complete"


@pytest.mark.parametrize("change", ["longer", "shorter", "other"])
def test_a_file_that_changes(tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(bin_bytes(INTENSITY))
    look = os.fstat

    def look_and_change(descriptor: int) -> os.stat_result:
        status = look(descriptor)
        size = {"longer": 2000, "shorter": 16, "other": 1280}[change]
        path.write_bytes(bin_bytes(INTENSITY * 2)[:size].ljust(size, b"x"))
        os.utime(path, ns=(0, status.st_mtime_ns + 1))
        return status

    monkeypatch.setattr("os.fstat", look_and_change)
    assert refusal(path) == CHANGED


FULL = "cannot be unpacked in {} (No space left on device); make room there, or set TMPDIR"


def test_no_room_to_unpack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.e57"
    path.write_bytes(e57_bytes(([1, 0, 0, 0], [0, 0, 0])))
    monkeypatch.setattr(Path, "write_bytes", fails(OSError(28, "No space left on device")))
    assert re.fullmatch(FULL.format(r"\S+").replace("(", r"\(").replace(")", r"\)"), refusal(path))


MISSING = '{} needs {}; run `pip install "avs3d[formats]"`'


@pytest.mark.parametrize(
    ("name", "module"),
    [("a.e57", "pye57"), ("a.feather", "pyarrow"), ("a.parquet", "pyarrow"), ("a.drc", "DracoPy")],
)
def test_a_missing_library(
    tmp_path: Path, name: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avs3d.io.source.missing_modules", list)
    (tmp_path / name).write_bytes(b"anything")
    assert refusal(tmp_path / name) == MISSING.format(name[1:], module)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            "7",
            "--columns 7: only 3, 4, 5 and 6 have default names; give the names, for example"
            " --columns x,y,z,intensity,time",
        ),
        (
            "x,y",
            "--columns x,y: give 3, 4, 5, 6, or names that are all different and include x, y"
            " and z",
        ),
    ],
)
def test_senseless_columns(columns: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_columns(columns)
    assert str(caught.value) == message


def test_nothing_to_find(tmp_path: Path) -> None:
    for given, where in ((tmp_path, "in this folder"), (tmp_path / "*.bin", "matches")):
        with pytest.raises(UserError) as caught:
            find([given])
        assert str(caught.value) == f"{given}: no readable file {where}; readable are {KINDS}"


LABELS = {
    "a.label": (b"abcde", "5 bytes are no whole number of uint32; get the file again"),
    "a.npz": (
        npz_bytes(label=RING, vocabulary=np.array(["car"]), bundle=np.array("b")),
        "is a result of avs3d, not ground truth; give the labels themselves",
    ),
}
NO_RESULT = "is no result of avs3d (no array label); segment the scan"


@pytest.mark.parametrize("name", LABELS)
def test_labels_that_are_none(tmp_path: Path, name: str) -> None:
    content, message = LABELS[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ReadError) as caught:
        read_labels(path)
    assert str(caught.value) == f"{path}: {message}"


def test_a_result_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(npz_bytes(points=XYZ))
    with pytest.raises(ReadError) as caught:
        read_result(path)
    assert str(caught.value) == f"{path}: {NO_RESULT}"


def test_every_message_of_the_code_is_here() -> None:
    known = [case[-1] for cases in CASES.values() for case in cases] + [case[-1] for case in TOLD]
    known += [FOLDER, NO_FILE, CHANGED, FULL, MISSING, *PATCHED]
    known += [NO_RESULT, *(message for _, message in LABELS.values())]
    known += [LONG, *(message for _, message in HOSTILE)]  # said in test_published_unpickling.py
    known += [message for _, message in FRAMES]  # said in test_io_frames.py
    known += ["5.0 GiB are more than the 4.0 GiB that are read at once; split it into tiles"]
    texts = texts_in_the_code(Path(avs3d.io.__file__).parent, "MalformedError", "PickledError")
    assert len(texts) > 50
    missing = [place for place, text in texts.items() if not any(map(text.fullmatch, known))]
    assert missing == []
