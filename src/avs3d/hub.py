"""Where the files of a model are: a local folder, or a hub id that is fetched once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from avs3d.errors import UserError, first_line, is_out_of_memory

SAFE: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
"""For all that transformers loads from a model's folder. Without a word about code that lies there,
it asks on the terminal whether to run it."""
_TEXTS = ("*.json", "*.txt", "*.jinja")  # configs, tokenizers, chat templates
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")


def model_folder(place: str, what: str) -> Path:
    """The local folder of a transformers model; a hub id is downloaded unless it already was.

    Args:
        place: a folder, or ``owner/name``.
        what: the model is, for messages: ``text encoder``.

    Raises:
        UserError: neither a folder nor a hub id that is cached or can be reached.
    """
    folder = os.path.expanduser(place)
    if os.path.isdir(folder):
        return Path(folder)
    return _cached(place, what) or _download(place, what)


def _cached(repo_id: str, what: str) -> Path | None:
    """What an earlier download left, if it is whole.

    It is asked for as `_download` asked: the hub's library remembers all files of a repository, and
    takes a folder without some of those that are asked for as incomplete.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    for form in _WEIGHTS:
        wanted = [*_TEXTS, form]
        try:
            found = Path(snapshot_download(repo_id, allow_patterns=wanted, local_files_only=True))
        except HFValidationError:
            raise UserError(
                f"{what} {repo_id!r} is neither a folder nor a hub id: check the path"
            ) from None
        except OSError:  # not in the cache: LocalEntryNotFoundError is an OSError
            continue
        if any(found.glob(form)):
            return found
    return None


def _download(repo_id: str, what: str) -> Path:
    from huggingface_hub import HfApi, snapshot_download

    try:
        files = HfApi().list_repo_files(repo_id)
        # One form of the weights is enough, and safetensors is the safe one.
        weights = _WEIGHTS[0] if any(f.endswith(".safetensors") for f in files) else _WEIGHTS[1]
        return Path(snapshot_download(repo_id, allow_patterns=[*_TEXTS, weights]))
    except Exception as error:  # whatever the network raises, the remedy is the same
        raise UserError(
            f"{what} {repo_id!r} is not on this machine and could not be fetched from the "
            f"hub ({type(error).__name__}): fetch it once while online, or give a local folder"
        ) from error


def folder_fingerprint(folder: Path) -> str:
    """Hash of names, sizes and times of a folder's files: quick, and new when the weights are."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            stat = path.stat()
            digest.update(
                f"{path.relative_to(folder)}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode()
            )
    return digest.hexdigest()


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Without transformers' progress bars and advice to those who program with it."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    verbosity = logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if shown:
            logging.enable_progress_bar()


@contextmanager
def quiet_loading(place: str, what: str) -> Iterator[None]:
    """Load a model with `quiet_transformers`; a broken model is the user's error.

    Args:
        place, what: see `model_folder`.
    """
    try:
        with quiet_transformers():
            yield
    except UserError:
        raise
    except Exception as error:  # a damaged file can raise anything in there
        raise UserError(
            f"{what} {place!r} could not be loaded ({first_line(error)}): {_remedy(error)}"
        ) from error


def _remedy(error: Exception) -> str:
    """What to do about a model that could not be loaded."""
    if isinstance(error, ImportError):
        return "install the library that it needs"
    if is_out_of_memory(error):
        return "give it more memory, or take a smaller model or another device"
    return "check that the folder holds the model's config, weights and tokenizer"
