"""Tiny models of every class that describes images, with random weights, saved as a user's folder
would hold them. Their words are those of `WORDS`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, pre_tokenizers, processors

WORDS = (
    "a", "by", "car", "tree", "road", "bus", "dog", "man", "sign", "lamp", "wall", "door", "roof",
    "bin", "cone", "van", "bike", "pole", "kerb", "sky",
)  # fmt: skip
SPECIAL = ("<pad>", "<s>", "</s>", "<unk>", "<image>", "<|image_pad|>", "<|video_pad|>",
           "<|vision_start|>", "<|vision_end|>")  # fmt: skip
VOCAB = {token: index for index, token in enumerate((*SPECIAL, *WORDS))}
SIZE = len(VOCAB)
IMAGE = 16  # pixels, and patches of 8
TEMPLATE = (
    "{% for message in messages %}{% for part in message['content'] %}"
    "{% if part is string %}{{ part }}{% elif part['type'] == 'image' %}IMAGE"
    "{% else %}{{ ' ' + part['text'] }}{% endif %}{% endfor %}{% endfor %}"
    "{% if add_generation_prompt %} road{% endif %}"
)
TEXT = {
    "vocab_size": SIZE, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
    "num_attention_heads": 2, "max_position_embeddings": 128, "initializer_range": 1.0,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
VISION = {
    "image_size": IMAGE, "patch_size": 8, "hidden_size": 16, "intermediate_size": 32,
    "num_hidden_layers": 2, "num_attention_heads": 2, "initializer_range": 1.0,
}  # fmt: skip
SCALED = {"size": {"height": IMAGE, "width": IMAGE}}


def tokenizer(closed: bool = False, template: str | None = None) -> Any:
    """A word a token; `closed`: texts begin with ``<s>`` and end with ``</s>``, as BERT's."""
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel(VOCAB, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if closed:
        words.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", bos_token="<s>", eos_token="</s>",
        unk_token="<unk>", cls_token="<s>", sep_token="</s>", chat_template=template,
        additional_special_tokens=list(SPECIAL[4:]),
    )  # fmt: skip


def make_blip(folder: Path) -> Path:
    from transformers import BlipConfig, BlipForConditionalGeneration, BlipProcessor
    from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

    text = {**TEXT, "encoder_hidden_size": 16, "sep_token_id": 2}
    config = BlipConfig(text_config=text, vision_config=VISION, initializer_range=1.0)
    processor = BlipProcessor(BlipImageProcessorPil(**SCALED), tokenizer(True))
    return _save(folder, BlipForConditionalGeneration, config, processor)


def make_blip2(folder: Path) -> Path:
    from transformers import Blip2Config, Blip2ForConditionalGeneration, Blip2Processor
    from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

    former = {**TEXT, "encoder_hidden_size": 16, "cross_attention_frequency": 1}
    text = {**TEXT, "model_type": "opt", "ffn_dim": 32, "word_embed_proj_dim": 16, "init_std": 1.0}
    config = Blip2Config(
        vision_config=VISION, qformer_config=former, text_config=text, num_query_tokens=3,
        image_token_index=VOCAB["<image>"], initializer_range=1.0,
    )  # fmt: skip
    words = tokenizer()
    words.image_token = "<image>"
    processor = Blip2Processor(BlipImageProcessorPil(**SCALED), words, num_query_tokens=3)
    return _save(folder, Blip2ForConditionalGeneration, config, processor)


def make_git(folder: Path) -> Path:
    from transformers import GitConfig, GitForCausalLM, GitProcessor

    config = GitConfig(vision_config=VISION, **TEXT)
    processor = GitProcessor(_clip_images(), tokenizer(True))
    return _save(folder, GitForCausalLM, config, processor)


def make_vit_gpt2(folder: Path) -> Path:
    from transformers import (
        GPT2Config,
        VisionEncoderDecoderConfig,
        VisionEncoderDecoderModel,
        ViTConfig,
    )
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    text = GPT2Config(
        vocab_size=SIZE, n_positions=32, n_embd=16, n_layer=2, n_head=2, initializer_range=1.0,
        bos_token_id=1, eos_token_id=2, is_decoder=True, add_cross_attention=True,
    )  # fmt: skip
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(ViTConfig(**VISION), text)
    config.decoder_start_token_id, config.eos_token_id, config.pad_token_id = 1, 2, 2
    _save(folder, VisionEncoderDecoderModel, config, tokenizer())
    ViTImageProcessorPil(**SCALED).save_pretrained(folder)
    return folder


def make_llava(folder: Path) -> Path:
    """A model with a chat template."""
    from transformers import (
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**VISION), text_config=LlamaConfig(**TEXT),
        image_token_index=VOCAB["<image>"], vision_feature_layer=-1,
    )  # fmt: skip
    processor = LlavaProcessor(
        _clip_images(), tokenizer(), patch_size=8, num_additional_image_tokens=1,
        vision_feature_select_strategy="default",
        chat_template=TEMPLATE.replace("IMAGE", "<image>"),
    )  # fmt: skip
    return _save(folder, LlavaForConditionalGeneration, config, processor)


def make_qwen(folder: Path) -> Path:
    """A model that sees videos as well, and images in their own size."""
    import json

    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    text = {
        **TEXT,
        "num_key_value_heads": 2,
        "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 2]},
    }
    vision = {"depth": 2, "embed_dim": 16, "hidden_size": 16, "num_heads": 2, "mlp_ratio": 2,
              "patch_size": 4, "initializer_range": 1.0}  # fmt: skip
    config = Qwen2VLConfig(
        text_config=text, vision_config=vision, image_token_id=VOCAB["<|image_pad|>"],
        video_token_id=VOCAB["<|video_pad|>"], vision_start_token_id=VOCAB["<|vision_start|>"],
        vision_end_token_id=VOCAB["<|vision_end|>"],
    )  # fmt: skip
    _save(folder, Qwen2VLForConditionalGeneration, config, tokenizer())
    Qwen2VLImageProcessorPil(patch_size=4, min_pixels=64, max_pixels=1024).save_pretrained(folder)
    whole = "<|vision_start|> <|image_pad|> <|vision_end|>"
    (folder / "chat_template.jinja").write_text(TEMPLATE.replace("IMAGE", whole))
    (folder / "processor_config.json").write_text(
        json.dumps({"processor_class": "Qwen2VLProcessor"})
    )
    return folder


def make_chat(folder: Path, room: int = 128) -> Path:
    """A language model with a chat template, which sees no images; of `room` tokens at most."""
    from transformers import LlamaConfig, LlamaForCausalLM

    template = (
        "{% for message in messages %}{{ message['content'] + ' ' }}{% endfor %}"
        "{% if add_generation_prompt %}road{% endif %}"
    )
    config = LlamaConfig(**TEXT | {"max_position_embeddings": room})
    return _save(folder, LlamaForCausalLM, config, tokenizer(template=template))


CAPTIONERS = {
    "blip": make_blip,
    "blip-2": make_blip2,
    "git": make_git,
    "vit-gpt2": make_vit_gpt2,
    "llava": make_llava,
    "qwen2-vl": make_qwen,
}


def _clip_images() -> Any:
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    return CLIPImageProcessorPil(size={"shortest_edge": IMAGE}, crop_size=SCALED["size"])


def _save(folder: Path, kind: Any, config: Any, *others: Any) -> Path:
    """A model with the same random weights each time, and what belongs to it."""
    import torch

    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    for part in (kind(config), *others):
        part.save_pretrained(folder)
    return folder
