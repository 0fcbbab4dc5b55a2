"""The kinds of things a simulated world is made of; index in `CATEGORIES` = category id.

The words that people use for each kind are data: `words/lexicon.json`.
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
    "mud", "concrete", "snow", "water", "railway track", "tunnel", "gate", "scaffolding",
    "playground", "fountain", "statue", "tent", "kiosk", "tank", "wire", "parking meter",
    "traffic drum", "mailbox", "dumpster", "phone booth", "planter", "parasol", "chair",
    "fuel pump", "pallet", "pipe", "log", "hay bale", "shopping cart", "pickup truck", "tractor",
    "crane", "excavator", "forklift", "golf cart", "rickshaw", "boat", "wheelchair", "stroller",
    "kick scooter", "horse", "cow", "deer",
)  # fmt: skip
CATEGORY_ID: dict[str, int] = {name: index for index, name in enumerate(CATEGORIES)}
