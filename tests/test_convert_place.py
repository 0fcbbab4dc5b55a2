"""Where a converted bundle goes: whole or not at all, and never in the place of anything else."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from typing import Any

import pytest

from avs3d.bundle_config import PACKAGED
from avs3d.convert.place import new_folder
from avs3d.errors import UserError


def make(place: Path, text: str = "new", overwrite: bool = False) -> None:
    with new_folder(place, overwrite) as folder:
        (folder / "bundle.json").write_text(text)


def refused(place: Path, overwrite: bool = True) -> str:
    with pytest.raises(UserError) as caught:
        make(place, overwrite=overwrite)
    message = str(caught.value)
    assert str(place) in message and "choose another --out" in message and "\n" not in message
    return message


def entries(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_folder_is_made_and_replaced(tmp_path: Path) -> None:
    place = tmp_path / "above" / "made"
    make(place)
    assert place.stat().st_mode & 0o777 == 0o755
    make(place, "other", overwrite=True)
    assert (place / "bundle.json").read_text() == "other"
    with pytest.raises(UserError, match="is there already: --overwrite replaces it"):
        make(place)
    (place / "bundle.json").unlink()
    make(place)  # an empty one is not in the way
    assert entries(tmp_path) == ["above", "above/made", "above/made/bundle.json"]


@pytest.mark.parametrize("name", ["a.pth.tar", "model.safetensors", "tokenizer.json.d"])
def test_only_a_bundle_is_replaced(tmp_path: Path, name: str) -> None:
    """Neither the checkpoint that is converted nor what lies beside it may go."""
    place = tmp_path / "mini"
    shutil.copytree(PACKAGED / "street-mini", place)
    (place / name).mkdir() if name.endswith(".d") else (place / name).touch()
    before = entries(tmp_path)
    assert f"holds {name}, which is no part of a bundle and would be lost" in refused(place)
    assert entries(tmp_path) == before
    (place / name).rename(tmp_path / name)
    make(place, overwrite=True)
    assert entries(place) == ["bundle.json"]


def test_places_where_no_bundle_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here" / "below").mkdir(parents=True)
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path / "here" / "below")
    for place in (Path("."), Path(".."), tmp_path / "here"):
        refused(place, overwrite=place != Path("."))  # even where it is empty
    assert "File name too long" in refused(tmp_path / ("a" * 300))
    assert "is not a folder" in refused(tmp_path / "file")
    assert "cannot be written" in refused(tmp_path / "file" / "made")
    assert entries(tmp_path) == ["file", "here", "here/below"]


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "linked").symlink_to("real")
    make(tmp_path / "linked")
    assert (tmp_path / "linked").is_symlink() and entries(tmp_path / "real") == ["bundle.json"]


@pytest.mark.parametrize("fails", ["writing", "moving"])
def test_a_bundle_that_cannot_be_replaced_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    place, replace = tmp_path / "made", Path.replace
    make(place, "old")

    def full(*_: Any) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    def busy(source: Path, target: Path) -> Path:
        new = target == place and (source / "bundle.json").read_text() == "new"
        return full() if new else replace(source, target)

    with monkeypatch.context() as broken:
        if fails == "writing":
            broken.setattr(Path, "write_text", full)
        else:
            broken.setattr(Path, "replace", busy)
        told = refused(place)
    assert told == (
        f"{place}: cannot be written (No space left on device); make room, or choose another --out"
    )
    assert (place / "bundle.json").read_text() == "old"
    assert entries(tmp_path) == ["made", "made/bundle.json"]
