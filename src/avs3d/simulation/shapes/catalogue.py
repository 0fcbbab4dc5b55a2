"""Every shape that can stand in a world, by name: how to make one, and how many a world has.

A module of shapes lists its own in `SHAPES`; what it keeps apart for validation is in `HELD_OUT`,
under the name of the shape that it stands in for.
"""

from __future__ import annotations

from avs3d.simulation.shapes import (
    animals,
    barriers,
    bicycles,
    bins,
    booths,
    buildings,
    buses,
    cars,
    conifers,
    fences,
    furniture,
    goods,
    lamps,
    large,
    lifting,
    machines,
    motorcycles,
    people,
    plants,
    pushed,
    riding,
    seats,
    signs,
    structures,
    trailers,
    trees,
    trucks,
    vans,
    works,
)
from avs3d.simulation.shapes.mesh import Maker

_MODULES = (animals, barriers, bicycles, bins, booths, buildings, buses, cars, conifers, fences,
            furniture, goods, lamps, large, lifting, machines, motorcycles, people,
            plants, pushed, riding, seats, signs, structures, trailers, trees, trucks,
            vans, works)  # fmt: skip

SHAPES: dict[str, tuple[Maker, int]] = {
    name: shape for module in _MODULES for name, shape in module.SHAPES.items()
}
HELD_OUT: dict[str, tuple[Maker, int]] = {
    name: shape for module in _MODULES for name, shape in getattr(module, "HELD_OUT", {}).items()
}
