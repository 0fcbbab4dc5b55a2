"""The kinds of things a simulated world is made of; index in `CATEGORIES` = category id.

The words that people use for each kind are data: `lexicon.json` beside this file.
"""

from __future__ import annotations

CATEGORIES: tuple[str, ...] = (
    "road", "sidewalk", "curb", "grass", "soil", "traffic island", "parking lot",
    "building", "wall", "fence", "guardrail", "barrier", "bridge", "stairs",
    "pole", "street lamp", "traffic light", "traffic sign", "billboard", "traffic cone", "bollard",
    "tree", "trunk", "bush", "hedge", "tall grass", "rock",
    "person", "bicycle", "motorcycle", "cyclist", "car", "van", "truck", "bus", "trailer",
    "construction vehicle", "train", "container",
    "bench", "trash can", "bus stop", "fire hydrant", "utility box", "bicycle rack", "dog",
    "puddle", "table",
)  # fmt: skip
CATEGORY_ID: dict[str, int] = {name: index for index, name in enumerate(CATEGORIES)}
