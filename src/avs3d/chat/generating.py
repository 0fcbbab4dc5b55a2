"""How models of transformers generate text here: likeliest token first, so the same each time."""

from __future__ import annotations

from typing import Any, Literal

from avs3d.errors import first_line, is_out_of_memory

Precision = Literal["auto", "float32", "bfloat16", "float16"]
"""Numbers that a model computes with; ``auto``: float32 on CPUs, else those that were saved."""
_KEPT = (
    "bos_token_id",
    "eos_token_id",
    "pad_token_id",
    "decoder_start_token_id",
    "forced_bos_token_id",
)


def dtype_of(chosen: Precision, device: str) -> str:
    """The `dtype` that transformers' `from_pretrained` takes."""
    return "float32" if chosen == "auto" and device == "cpu" else chosen


def make_greedy(model: Any, tokenizer: Any) -> None:
    """Forget what the model's own folder says of drawing, beams and lengths; pad on the left, as
    models that continue a text need it."""
    from transformers import GenerationConfig

    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left"
    for part in model.modules():  # that of BLIP and BLIP-2 which writes is within
        if getattr(part, "generation_config", None) is not None:
            told = {name: getattr(part.generation_config, name, None) for name in _KEPT}
            if told["pad_token_id"] is None:
                told["pad_token_id"] = tokenizer.pad_token_id
            part.generation_config = GenerationConfig(do_sample=False, num_beams=1, **told)


def room_for(model: Any, given: int, most: int) -> int:
    """How many tokens a model may write: `most`, or fewer where its positions end.

    Beyond them it would fail, and on a GPU take all that is there with it.

    Args:
        model: of transformers.
        given: tokens before those that it writes.
        most: that are wanted.

    Raises:
        ValueError: it may write none.
    """
    text = model.config.get_text_config(decoder=True)
    positions = getattr(text, "max_position_embeddings", None) or given + most
    if given >= positions:
        raise ValueError(f"it is given {given} tokens and has room for {positions}")
    return int(min(most, positions - given))


def reason_of(error: Exception, asked: int) -> str:
    """Why a model failed on so many questions at once, for a reply without a text."""
    if is_out_of_memory(error):
        free_memory()
        return f"out of memory on {asked} at once"
    return f"the model failed ({first_line(error)})"


def free_memory() -> None:
    """Give back what a failed batch left reserved on the GPU."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
