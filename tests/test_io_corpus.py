"""Every input that led the fuzzer (`fuzz/readers.py`) to new code is read again."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from avs3d.environment import missing_modules
from avs3d.errors import ReadError
from avs3d.io import READERS, read
from avs3d.io.pickles import unpickle
from avs3d.io.source import MalformedError

CORPUS = Path(__file__).parents[1] / "fuzz" / "corpus"
APART = {"e57": "pye57", "drc": "DracoPy", "feather": "pyarrow", "parquet": "pyarrow", "laz": ""}
"""Read in a process of their own, which takes time; and what that needs."""
FEW = 8


def is_plain(content: bytes) -> bool:
    """Whether a pickle is plain data; all else is refused."""
    try:
        unpickle(memoryview(content))
    except MalformedError:
        return False
    return True


@pytest.mark.parametrize("archive", sorted(CORPUS.glob("*.zip")), ids=lambda path: path.stem)
def test_corpus_is_read_or_refused(archive: Path, tmp_path: Path) -> None:
    end = archive.stem
    if APART.get(end) and missing_modules((APART[end],)):
        pytest.skip(f"{end} needs the extra `formats`")
    with zipfile.ZipFile(archive) as inputs:
        names = inputs.namelist()[: FEW if end in APART else None]
        contents = [inputs.read(name) for name in names]
    assert contents
    if end == "pkl":
        assert sum(map(is_plain, contents)) > 5
        return
    path = tmp_path / f"input.{end}"
    done = 0
    for content in contents:
        path.write_bytes(content)
        try:
            done += len(read(path)) > 0
        except ReadError as error:
            text = str(error)
            assert text.startswith(f"{path}: ") and text.isprintable() and len(text) < 1000
    assert done or end in APART, "no input is a scan any more"


def test_every_reader_has_been_fuzzed() -> None:
    seen = {archive.stem.split(".")[0] for archive in CORPUS.glob("*.zip")}
    text = {end for end, module in READERS.items() if module == "text"}
    assert {end.lstrip(".") for end in READERS if end not in text} <= seen
    assert seen & {end.lstrip(".") for end in text}
