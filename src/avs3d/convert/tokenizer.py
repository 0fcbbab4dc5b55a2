"""GPT-2's tokenizer, from a local folder or a hub id, as the one file that a bundle keeps."""

from __future__ import annotations

import os
from pathlib import Path

from avs3d.errors import UserError, first_line

GPT2 = "openai-community/gpt2"
_FILES = ("tokenizer.json", "vocab.json", "merges.txt")
_MAX_BYTES = 32 << 20


def tokenizer_text(place: str, vocab_size: int) -> str:
    """The JSON of a byte-level BPE tokenizer that has as many tokens as the language model.

    Args:
        place: a folder with `tokenizer.json`, or with `vocab.json` and `merges.txt`; or a hub id.
        vocab_size: rows of the language model's word table.

    Raises:
        UserError: not there, not a tokenizer, or of another size.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    folder = _folder(place)
    whole, vocab, merges = (folder / name for name in _FILES)
    for path in (whole, vocab, merges):
        if path.is_file() and path.stat().st_size > _MAX_BYTES:
            raise UserError(f"{path} is larger than 32 MiB: not a tokenizer")
    try:
        if whole.is_file():
            tokenizer = Tokenizer.from_str(whole.read_text("utf-8"))
        elif vocab.is_file() and merges.is_file():
            tokenizer = Tokenizer(models.BPE.from_file(str(vocab), str(merges)))
            tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
            tokenizer.decoder = decoders.ByteLevel()
        else:
            raise UserError(
                f"{folder} has no tokenizer: it needs tokenizer.json, or vocab.json and merges.txt"
            )
    except UserError:
        raise
    except Exception as error:  # the library raises bare Exception
        raise UserError(
            f"{folder}: its tokenizer cannot be read ({first_line(error)}); get it again"
        ) from None
    if tokenizer.get_vocab_size() != vocab_size:
        raise UserError(
            f"{folder}: its tokenizer has {tokenizer.get_vocab_size()} tokens, the language model "
            f"{vocab_size}: give the one that it was trained with"
        )
    text: str = tokenizer.to_str()
    return text


def _folder(place: str) -> Path:
    folder = os.path.expanduser(place)
    if os.path.isdir(folder):
        return Path(folder)
    from huggingface_hub import snapshot_download

    for offline in (True, False):
        try:
            found = Path(
                snapshot_download(place, allow_patterns=list(_FILES), local_files_only=offline)
            )
        except Exception:  # whatever the network raises, the remedy is the same
            continue
        if any((found / name).is_file() for name in _FILES):
            return found
    raise UserError(
        f"the captioner's tokenizer {place!r} is neither a folder nor on this machine, and the hub "
        f"did not give it: get tokenizer.json from https://huggingface.co/{GPT2} and pass "
        "--tokenizer with its folder"
    )
