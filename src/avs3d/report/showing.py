"""A page of a result where one works: in a notebook, or in the browser."""

from __future__ import annotations

import sys
import tempfile
import webbrowser
from html import escape
from pathlib import Path
from typing import Any

from avs3d.report.html import scan_page
from avs3d.segmentation import Segmentation

_HEIGHT = 700  # pixels


def show_page(segmentation: Segmentation) -> None:
    """See `Segmentation.show`."""
    page = scan_page(segmentation)
    interactive: Any = sys.modules.get("IPython")
    shell = None if interactive is None else interactive.get_ipython()
    if getattr(shell, "kernel", None):  # the shell of a terminal has none
        from IPython.display import HTML, display

        frame = f"<iframe srcdoc='{escape(page)}' width='100%' height='{_HEIGHT}'></iframe>"
        display(HTML(frame))
        return
    with tempfile.NamedTemporaryFile(
        "w",
        suffix=".html",
        prefix="avs3d-",
        delete=False,
        encoding="utf-8",
        errors="replace",
    ) as file:
        file.write(page)
    print(file.name)
    webbrowser.open(Path(file.name).as_uri())
