"""What is said of models that cannot be found or loaded."""

from __future__ import annotations

import pytest
import torch
from typer.testing import CliRunner

from avs3d.bundle import Bundle
from avs3d.bundle_config import fingerprint
from avs3d.cache import cache_root
from avs3d.cli import app
from avs3d.convert.tokenizer import tokenizer_text
from avs3d.errors import UserError, first_line
from avs3d.evaluation.mappers import load_mapper
from avs3d.hub import model_folder, quiet_loading
from avs3d.viewer.shows import _views_of
from avs3d.vision.pixels import load_pixel_features


@pytest.mark.parametrize("place", ["~nosuchuser7/model", "~nosuchuser7", "a" * 300])
def test_places_that_no_file_system_has(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home of nobody, and a longer name than any folder's."""
    for load in (
        lambda: model_folder(place, "text encoder"),
        lambda: Bundle.load(place),
        lambda: tokenizer_text(place, 300),
        lambda: load_pixel_features(place, 8),
        lambda: load_mapper(f"{place}.json"),
    ):
        with pytest.raises(UserError) as caught:
            load()
        assert place in str(caught.value) and "\n" not in str(caught.value)
    assert fingerprint(place) is None and _views_of(place) is None
    done = CliRunner().invoke(app, ["bundles", place])
    assert done.exit_code == 2 and f"no bundle '{place}' on this machine" in done.stderr
    monkeypatch.setenv("AVS3D_CACHE", place)
    assert str(cache_root()) == place


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError("\n  no weights \nmore"), "(no weights): check that the folder holds the model's"),
        (ValueError(""), "(ValueError): check that"),
        (ImportError("\nIt requires SentencePiece\n"), "SentencePiece): install the library"),
        (MemoryError(), "(MemoryError): give it more memory, or take a smaller model"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried"), "Tried): give it more memory"),
    ],
)
def test_why_a_model_could_not_be_loaded(error: Exception, told: str) -> None:
    with pytest.raises(UserError) as caught, quiet_loading("here", "text encoder"):
        raise error
    said = str(caught.value)
    assert said.startswith("text encoder 'here' could not be loaded (")
    assert told in said and "\n" not in said


def test_what_is_the_users_error_already_stays_as_it_is() -> None:
    with pytest.raises(UserError) as caught, quiet_loading("here", "text encoder"):
        raise UserError("no such folder: give another")
    assert str(caught.value) == "no such folder: give another"


def test_the_first_line_of_an_error() -> None:
    assert first_line(OSError("\n\n a \nb")) == "a"
    assert first_line(OSError(" \n")) == first_line(OSError()) == "OSError"
