"""What is said of models that cannot be found or loaded."""

from __future__ import annotations

import pytest
import torch

from avs3d.errors import UserError, first_line
from avs3d.hub import quiet_loading


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
