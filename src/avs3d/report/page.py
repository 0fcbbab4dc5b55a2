"""A dark page of fixed size in pixels, on which views, text and bars are put."""

from __future__ import annotations

import bisect
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from avs3d.atomic import write_bytes
from avs3d.report.views import View

WIDTH = 1600  # pixels
PAPER = np.array([14, 17, 23], np.uint8)
PANEL = np.array([22, 26, 34], np.uint8)
INK = "#e6e9ef"
FAINT = "#98a1b3"
LINE = "#3a4150"
WARNING = "#ffb454"
_DPI = 100
_LONGEST = 60  # characters of a word that is shown
_DARKEST = 96.0  # luma
_RINGS = (10, 20, 40, 80)  # metres


@dataclass(frozen=True)
class Box:
    """A place on the page, pixels from its top left corner."""

    left: int
    top: int
    width: int
    height: int

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.height, self.width


class Page:
    """matplotlib through its object interface: no global state, no display."""

    def __init__(self, height: int) -> None:
        self.height = height
        size = (WIDTH / _DPI, height / _DPI)
        self.figure = Figure(figsize=size, dpi=_DPI, facecolor=hex_colour(PAPER))
        self._canvas = FigureCanvasAgg(self.figure)

    def text(self, x: float, y: float, text: str, *, size: float, **style: Any) -> None:
        """Text at pixels from the top left; a `$` stays a dollar."""
        style = {"color": INK, "va": "center", "parse_math": False, **style}
        self.figure.text(x / WIDTH, 1 - y / self.height, text, fontsize=size, **style)

    def fit(self, text: str, size: float, width: float) -> str:
        """`text`, cut to at most `width` pixels in the given size, the cut marked."""
        font = FontProperties(size=size)
        measure = self._canvas.get_renderer().get_text_width_height_descent

        def too_wide(length: int) -> bool:
            return measure(shorten(text, length), font, False)[0] > width

        lengths = range(2, min(len(text), _LONGEST) + 1)
        return shorten(text, 1 + bisect.bisect_left(lengths, True, key=too_wide))

    def axes(self, box: Box) -> Axes:
        place = (
            box.left / WIDTH,
            1 - (box.top + box.height) / self.height,
            box.width / WIDTH,
            box.height / self.height,
        )
        axes = self.figure.add_axes(place, facecolor=hex_colour(PANEL))
        for spine in axes.spines.values():
            spine.set_color(LINE)
        axes.tick_params(colors=FAINT, labelsize=9, length=3)
        return axes

    def canvas(self, box: Box) -> Axes:
        """Axes without a frame whose units are pixels from the top left of the box."""
        axes = self.axes(box)
        axes.axis("off")
        axes.set_xlim(0, box.width)
        axes.set_ylim(box.height, 0)
        return axes

    def view(self, box: Box, view: View, colours: np.ndarray, shaded: bool) -> Axes:
        """Put a view, painted with (N, 3) uint8 colours of the points, pixel for pixel."""
        axes = self.axes(box)
        image = view.paint(colours, PANEL, shaded)
        axes.imshow(image, extent=view.extent, aspect="auto", interpolation="nearest")
        axes.set_title(view.title, loc="left", color=INK, fontsize=10.5, pad=5)
        axes.set_xlabel(view.x_label, color=FAINT, fontsize=9, labelpad=2)
        axes.set_ylabel(view.y_label, color=FAINT, fontsize=9, labelpad=2)
        if view.x_ticks:
            axes.set_xticks(view.x_ticks)
        axes.set_xlim(view.extent[0], view.extent[1])
        axes.set_ylim(view.extent[2], view.extent[3])
        return axes

    def save(self, path: Path) -> Path:
        """Write the PNG, whole or not at all; the same page gives the same bytes."""
        buffer = io.BytesIO()
        self.figure.savefig(
            buffer,
            format="png",
            facecolor=self.figure.get_facecolor(),
            metadata={"Software": None},
            pil_kwargs={"compress_level": 5},
        )
        return write_bytes(path, buffer.getvalue())


def mark_sensor(axes: Axes, x: float, y: float) -> None:
    """A cross where the sensor stands and faint circles of known distance around it."""
    axes.plot([x], [y], "+", color="white", markersize=11, markeredgewidth=1.6)
    angle = np.linspace(0, 2 * np.pi, 181)
    for radius in _RINGS:
        axes.plot(
            x + radius * np.cos(angle),
            y + radius * np.sin(angle),
            color="white",
            lw=0.7,
            alpha=0.16,
        )


def on_dark(colours: np.ndarray) -> np.ndarray:
    """(W, 3) uint8 colours, the dark ones mixed with white until they show on the page."""
    luma = (colours @ np.array([0.299, 0.587, 0.114]))[:, None]
    white = np.clip((_DARKEST - luma) / (255.0 - luma), 0, 1)
    return np.round(colours + white * (255.0 - colours)).astype(np.uint8)


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, the cut marked."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def hex_colour(colour: np.ndarray) -> str:
    """``#rrggbb`` of three uint8."""
    return "#{:02x}{:02x}{:02x}".format(*(int(c) for c in colour))
