"""What stands where the street ends: house fronts, fences, hedges, trees, and the land beyond."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.places.sides import pick
from avs3d.simulation.places.town import Strip, Town
from avs3d.simulation.shapes.barriers import FENCE_LENGTH, RAIL_LENGTH
from avs3d.simulation.shapes.buildings import building
from avs3d.simulation.shapes.mesh import Template
from avs3d.simulation.shapes.works import ARCADE, PIECE

_PIECES = {"fence": FENCE_LENGTH, "hedge": 1.95, "wall": 4.0, "bush": 1.3, "guardrail": RAIL_LENGTH,
           "noise wall": PIECE}  # fmt: skip
_TREES = ("broadleaf", "conifer", "cypress", "bare tree", "young tree", "palm",
          "low branch tree", "leaning tree", "dead tree")  # fmt: skip
_TASTE = np.array([2.0, 0.6, 0.4, 0.5, 0.8, 0.15, 0.12, 0.06, 0.06])


def furnish_fronts(town: Town, strip: Strip, trees: float) -> None:
    _boundary(town, strip)
    _trees(town, strip, trees, bool(town.layout.place.houses))


def build_houses(town: Town) -> None:
    """The fronts of every road, before anything smaller is in their way."""
    for strip in town.strips():
        houses = pick(town.rng, town.layout.place.houses)
        if houses:
            _houses(town, strip, houses)


def _boundary(town: Town, strip: Strip) -> None:
    """What divides gardens and fields from the street, and the thicket behind it."""
    rng, side, place = town.rng, strip.layout, town.layout.place
    name = pick(rng, place.edge)
    if rng.random() < 0.08 and place.edge != "_":
        name = pick(rng, "fence wall hedge guardrail fence")
    if name == "guardrail":
        turn = 0.0 if strip.side < 0 else np.pi
        town.row(name, strip, max(side.kerbline, 0.6), RAIL_LENGTH, turn)
        name = pick(rng, "_ _ fence wall") if rng.random() < 0.4 else ""
    if name in _PIECES:
        off = rng.uniform(0.3, 0.7) if place.houses else rng.uniform(0.3, 4)
        town.row(name, strip, side.front + off, _PIECES[name])
        if rng.random() < (0.6 if name == "fence" else 0.3):  # plants close behind
            _thicket(town, strip, after=off + rng.uniform(0.5, 1.2))
        if name != "hedge" and rng.random() < 0.3:
            at = rng.uniform(-25, 25)
            town.beside("gate", strip, at, side.front + off, np.pi / 2 * rng.integers(2), room=-0.5)
    if rng.random() < (0.12 if place.houses else 0.3):
        _thicket(town, strip)


def _thicket(town: Town, strip: Strip, after: float | None = None) -> None:
    """An untended edge of bushes and low trees, `after` metres behind the front."""
    rng = town.rng
    begin = rng.uniform(strip.begin, strip.end - 10)
    first = strip.layout.front + (rng.uniform(0.5, 8) if after is None else after)
    deep = rng.uniform(1, 7) if after is None else 1.0
    for s in np.arange(begin, min(begin + rng.uniform(15, 90), strip.end), rng.uniform(0.8, 1.8)):
        name = "bush" if rng.random() < 0.75 else "broadleaf"
        scale = rng.uniform(0.7, 1.8) if name == "bush" else rng.uniform(0.4, 1.1)
        d = first + rng.uniform(0, deep)
        town.beside(name, strip, s, d, rng.uniform(0, 6.28), scale=scale, room=-0.4)


_WIDTHS = {  # metres of street front
    "block": (8, 24), "house": (7, 15), "hall": (15, 45), "tower": (18, 34), "barn": (8, 20),
    "shed": (2, 5),
}  # fmt: skip


def _houses(town: Town, strip: Strip, houses: str) -> None:
    """A row of fronts, closed or with gardens between."""
    rng, side, place = town.rng, strip.layout, town.layout.place
    setback = rng.uniform(*place.setback)
    tight = houses == "block" and place.setback[0] < 2 and rng.random() < 0.75
    low, high = _WIDTHS[houses]
    pool: list[tuple[float, Template]] = []
    for _ in range(4):
        width = rng.uniform(low, high)
        pool.append((width, building(rng, width, houses)))
    s = strip.begin
    while s < strip.end - 5:
        width, template = pool[rng.integers(len(pool))]
        d = side.front + setback + (0 if tight else rng.normal(0, 0.6) + 0.6)
        if rng.random() < place.built:
            put_front(town, strip, template, width, s + width / 2, d)
        s += width + (0.0 if tight and rng.random() < 0.9 else rng.uniform(2, 12))


def put_front(
    town: Town, strip: Strip, template: Template, width: float, s: float, d: float
) -> bool:
    """A building whose front is d metres off the carriageway, where no road is in its way."""
    line = town.ground.roads[strip.road]
    x, y, heading = line.pose(s, strip.side * (line.half + d))
    yaw = heading + (np.pi if strip.side > 0 else 0.0)
    c, k = np.cos(yaw), np.sin(yaw)
    corners = [(x + c * a - k * b, y + k * a + c * b)
               for a in (-width / 2, 0, width / 2) for b in (0.0, -9.0)]  # fmt: skip
    away = min(town.ground.distance(*corner) for corner in corners)
    if away < min(strip.layout.front - 0.3, 2.0):
        return False
    if any(town.is_wet(*corner) for corner in corners):
        return False
    return town.scene.put(template, x, y, yaw, room=-0.6)


def arcades(town: Town, side: int, s: float) -> None:
    """A sidewalk under arches, the house above."""
    strip = town.strip(side, s - 30, s + 30)
    front = strip.layout.front
    template = town.template("arcade")
    deep = float(np.ptp(template.vertices[:, 1])) - 0.5
    d = max(front - deep, 0.8)
    for at in np.arange(strip.begin, strip.end, ARCADE):
        x, y, heading = town.at(0, side, at, d)
        if town.ground.distance(x, y) > 0.5:
            yaw = heading + (np.pi if side > 0 else 0.0)
            town.scene.put(template, x, y, yaw, solid=False)


def towers(town: Town, side: int, s: float) -> None:
    for end in (-1, 1):
        strip = town.strip(side * end, -60, 60)
        for at in (s - 38, s, s + 38):
            setback = town.rng.uniform(*town.layout.place.setback)
            template = town.template("tower")
            width = float(np.ptp(template.vertices[:, 0]))
            put_front(town, strip, template, width, at, strip.layout.front + setback)


def _trees(town: Town, strip: Strip, density: float, houses: bool) -> None:
    rng, side = town.rng, strip.layout
    taste = rng.dirichlet(_TASTE)
    if side.verge and rng.random() < 0.75:
        gap = rng.uniform(6, 16) / max(density, 0.3)
        d = side.verge[0] + (side.verge[1] - side.verge[0]) * rng.uniform(0.3, 0.7)
        for s in np.arange(strip.begin + rng.uniform(0, gap), strip.end, gap):
            if abs(s) < 45 or rng.random() < 0.5:
                name = _TREES[rng.choice(len(_TREES), p=taste)] if abs(s) < 45 else "far tree"
                town.beside(name, strip, s + rng.normal(0, 0.5), max(d, 0.5), rng.uniform(0, 6.28),
                            scale=rng.uniform(0.85, 1.15), clear=0.4)  # fmt: skip
    for _ in range(rng.poisson(min(17 * density * (1.0 if houses else 1.3), 30))):
        s = rng.uniform(strip.begin, strip.end)
        d = side.front + rng.uniform(0.8, 7.0 if houses and rng.random() < 0.7 else 26)
        near = abs(s) < 40 and d < 15
        name = _TREES[rng.choice(len(_TREES), p=taste)] if near else "far tree"
        town.beside(name, strip, s, d, rng.uniform(0, 6.28), scale=rng.uniform(0.8, 1.2), clear=1)
    if side.verge and rng.random() < 0.4:
        for _ in range(rng.integers(2, 14)):
            d = rng.uniform(*side.verge)
            town.beside("bush", strip, rng.uniform(strip.begin, strip.end), max(d, 0.6), 0.0,
                        scale=rng.uniform(0.5, 1.0), clear=0.5)  # fmt: skip


def grow_field(town: Town, rough: float, trees: float) -> None:
    """Beyond the front: what grows there, and the far rim of the world."""
    rng, place = town.rng, town.layout.place
    houses = bool(place.houses.replace("_", "").strip())
    beyond = max(side.front for side in town.layout.sides) + 1.0
    fields = dict(place.growth)
    if not fields:
        fields = ({"bush": 16 * rough, "tall grass": 8 * rough} if houses else
                  {"broadleaf": 7 * trees, "bush": 18 * rough, "tall grass": 35 * rough,
                   "rock": 5 * rough, "fern": 5 * rough})  # fmt: skip
    for name, count in fields.items():
        small = name in ("tall grass", "fern", "bush", "rock")
        reach = 30 if name in ("tall grass", "fern") else 42
        many = count * np.exp(rng.normal(0, 0.5)) * (1.0 if small else 0.8)
        clear = (0.25 if small and place.growth else 0.8) if not houses else beyond
        town.scatter(name, rng.poisson(min(many, 110)), reach, clear, (0.5, 1.4))
    for turn in np.arange(0, 2 * np.pi, rng.uniform(0.1, 0.22)):
        far = rng.uniform(60, 92)
        x, y = far * np.cos(turn), far * np.sin(turn)
        if town.ground.distance(x, y) > 3 and rng.random() < 0.8 and not town.is_wet(x, y):
            town.scene.put(town.template("far tree"), x, y, turn, scale=rng.uniform(0.9, 1.8))
