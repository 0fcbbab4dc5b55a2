"""From official downloads to what training and evaluation need: a file of this room a product.

Importing the room loads numpy only; models follow when the first scan is made.
"""

from __future__ import annotations

from avs3d.prepare.product import Part, Product
from avs3d.prepare.work import Failure, Prepared, Work, WorkConfig

__all__ = ["Failure", "Part", "Prepared", "Product", "Work", "WorkConfig"]
