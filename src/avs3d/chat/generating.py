"""How models of transformers generate text here: likeliest token first, so the same each time."""

from __future__ import annotations

from typing import Any, Literal

Precision = Literal["auto", "float32", "bfloat16", "float16"]
"""Numbers that a model computes with; ``auto``: float32 on CPUs, else those that were saved."""
_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


def dtype_of(precision: Precision, device: str) -> str:
    """The `dtype` that transformers' `from_pretrained` takes."""
    return "float32" if precision == "auto" and device == "cpu" else precision


def make_greedy(model: Any) -> None:
    """Forget what the model's own folder says of drawing, beams and lengths."""
    from transformers import GenerationConfig

    kept = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id")
    own = model.generation_config
    model.generation_config = GenerationConfig(
        do_sample=False, num_beams=1, **{name: getattr(own, name, None) for name in kept}
    )


def reason_of(error: Exception, asked: int) -> str:
    """Why a model failed on so many questions at once, for a reply without a text."""
    text = str(error) or type(error).__name__
    if isinstance(error, MemoryError) or any(part in text for part in _NO_MEMORY):
        free_memory()
        return f"out of memory on {asked} at once"
    return f"the model failed ({text.splitlines()[0]})"


def free_memory() -> None:
    """Give back what a failed batch left reserved on the GPU."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
