"""Numbers that a user sets."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import viser


def value_of(slider: viser.GuiSliderHandle[float]) -> float:
    """What a slider is set to, within its bounds: into the field beside it anything is typed."""
    value = slider.value
    if not isinstance(value, int | float) or math.isnan(value):
        return slider.min
    return min(max(value, slider.min), slider.max)
