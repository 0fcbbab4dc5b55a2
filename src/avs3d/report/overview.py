"""`run.html`: a run at a glance, with a link to the page of every scan."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from markupsafe import Markup
from PIL import Image

from avs3d.atomic import write_bytes
from avs3d.palette import steady_palette
from avs3d.report.chart import words_over_time
from avs3d.report.html import jpeg, templates
from avs3d.report.page import hex_colour, on_dark

_SHOWN, _EXTREMES = 240, 6  # scans that are pictured; scans with the lowest scores, and the highest
_THUMBNAIL = (260, 180)  # pixels


def write_overview(record: Mapping[str, Any], folder: Path, path: Path) -> Path:
    """Write the page of a run.

    Args:
        record: the content of `run.json`.
        folder: with the pictures and the pages of its scans.
        path: replaced when there.

    Returns:
        The path.

    Raises:
        UserError: what pages need is not installed.
    """
    scans = [_told(name, told, folder) for name, told in record["scans"].items()]
    order = sorted((s for s in scans if s["score"] is not None), key=lambda scan: scan["score"])
    few = len(order) <= 2 * _EXTREMES
    worst, best = ([], []) if few else (order[:_EXTREMES], order[: -_EXTREMES - 1 : -1])
    shown = _evenly(scans, _SHOWN)
    for scan in {scan["name"]: scan for scan in (*shown, *worst, *best)}.values():
        scan["image"] = _thumbnail(folder / f"{scan['name']}.png")
    words = record["words"]
    steady = steady_palette([row["word"] for row in words[:200]])
    colours = map(hex_colour, on_dark(steady))
    environment = templates()
    card = environment.get_template("card.html")
    page = environment.get_template("run.html").render(
        title=folder.absolute().name,
        source=_source(record["config"]),
        scans=scans,
        points=sum(told["points"] for told in record["scans"].values()),
        words=[{**row, "colour": c} for row, c in zip(words, colours, strict=False)] + words[200:],
        chart=words_over_time(record["scans"]),
        worst=worst,
        best=best,
        shown=shown,
        omitted=len(scans) - len(shown),
        warnings=[
            f"{name}: {line}"
            for name, told in record["scans"].items()
            for line in filter(None, (told["note"], *told["left_out"]))
        ],
        failures=record["failures"],
        finished=record["finished"],
        config=json.dumps(record["config"], indent=1, default=str, ensure_ascii=False),
        card=lambda scan: Markup(card.render(scan=scan)),
    )
    return write_bytes(path, page.encode("utf-8", "replace"))


def _source(config: Mapping[str, Any]) -> str:
    """What the scans are of: the dataset, or the files that were named."""
    selection = config.get("selection")
    return selection["root"] if selection else ", ".join(config.get("inputs", ()))


def _told(name: str, told: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    return {
        "name": name,
        "score": told["mean_score"],
        "link": quote(f"{name}.html"),
        "image": None,
    }


def _thumbnail(picture: Path) -> str | None:
    """The view from above, small; None where there is no picture."""
    try:
        with Image.open(picture, formats=["PNG"]) as image:
            return jpeg(image.crop((66, 108, 1170, 734)), _THUMBNAIL)
    except OSError:
        return None


def _evenly(scans: list[Any], count: int) -> list[Any]:
    if len(scans) <= count:
        return scans
    return [scans[i] for i in np.linspace(0, len(scans) - 1, count).round().astype(int)]
