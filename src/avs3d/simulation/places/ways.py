"""What crosses, spans, encloses or follows a road: crossings, rails, bridges, tunnels, wires."""

from __future__ import annotations

import numpy as np

from avs3d.simulation.places.patches import rail_offset
from avs3d.simulation.places.sides import pick
from avs3d.simulation.places.town import Town
from avs3d.simulation.shapes.works import PIECE, TUBE
from avs3d.simulation.shapes.works import tunnel as tube

_FAR = 78.0


def signals(town: Town, side: int, s: float) -> None:
    """Traffic lights at the corners of the crossing."""
    rng, cross, roads = town.rng, town.layout.crossing, town.ground.roads
    if not np.isfinite(cross):
        return
    away = roads[1].half + rng.uniform(1.5, 4)
    corners = [(+1, +1, np.pi), (-1, -1, 0.0), (+1, -1, np.pi), (-1, +1, 0.0)]
    for left, end, yaw in corners[: int(rng.choice([2, 4, 4]))]:
        x, y, heading = town.at(0, left, cross + end * away, rng.uniform(0.5, 1.2))
        # The lights look at the traffic that comes towards them.
        turn = heading + (yaw if rng.random() < 0.8 else yaw + np.pi / 2)
        if town.ground.distance(x, y) > 0.2:
            town.scene.put(town.template("traffic light"), x, y, turn + rng.normal(0, 0.1))
        if rng.random() < 0.4:
            town.scene.put(town.template("bollard"), x + 0.8, y + 0.4, 0.0)
    for _ in range(rng.integers(0, 6)):  # people who wait or cross
        at = cross + rng.choice([-1, 1]) * away
        x, y, heading = roads[0].pose(at, rng.uniform(-1.4, 1.4) * roads[0].half)
        yaw = heading + rng.choice([-1, 1]) * np.pi / 2
        town.scene.put(town.template("person"), x, y, yaw + rng.normal(0, 0.2))


def furnish_island(town: Town, centre: tuple[float, float], half: tuple[float, float]) -> None:
    rng = town.rng
    if town.ground.circle:
        for _ in range(rng.integers(1, 6)):
            name = pick(rng, "bush young_tree rock traffic_sign broadleaf statue fountain")
            s, t = np.array(centre) + rng.uniform(-0.6, 0.6, 2) * half
            x, y, heading = town.ground.roads[0].pose(s, t)
            town.scene.put(town.template(name), x, y, heading + rng.uniform(0, 6.28), scale=0.8)
        return
    if half[0] > 50:  # a median
        name = pick(rng, "bush guardrail guardrail street_lamp broadleaf barrier _")
        gap = {"guardrail": 4.0, "bush": 3.0, "barrier": 2.24}.get(name, 16.0)
        for s in np.arange(-60, 60, gap) if name else ():
            if abs(s - centre[0]) < half[0] - 1:
                x, y, heading = town.ground.roads[0].pose(s, centre[1])
                town.scene.put(town.template(name), x, y, heading, scale=0.8, room=-0.3)
        return
    for end in (-0.75, 0.75):
        name = ("traffic sign", "bollard", "traffic light", "")[rng.integers(4)]
        if name:
            x, y, heading = town.ground.roads[0].pose(centre[0] + end * half[0], centre[1])
            town.scene.put(town.template(name), x, y, heading + np.pi)
    if rng.random() < 0.3:
        x, y, heading = town.ground.roads[0].pose(*centre)
        town.scene.put(town.template("person"), x, y, heading + np.pi / 2)


def overpass(town: Town, side: int, s: float) -> None:
    rng = town.rng
    x, y, heading = town.ground.roads[0].pose(side * (8 + 1.4 * abs(s)), 0.0)
    town.scene.put(town.template("bridge"), x, y, heading + rng.normal(0, 0.15), solid=False)


def gantry(town: Town, side: int, s: float) -> None:
    x, y, heading = town.ground.roads[0].pose(side * (10 + 1.4 * abs(s)), 0.0)
    yaw = heading + np.pi * (town.rng.random() < 0.5)
    town.scene.put(town.template("gantry"), x, y, yaw, solid=False)


def noise_wall(town: Town, side: int, s: float) -> None:
    strip = town.strip(side, -_FAR, _FAR)
    off = strip.layout.front + town.rng.uniform(0.5, 6)
    town.row("noise wall", strip, off, PIECE)
    if town.rng.random() < 0.5:
        other = town.strip(-side, -_FAR, _FAR)
        town.row("noise wall", other, other.layout.front + off - strip.layout.front, PIECE)


def power_line(town: Town, side: int, s: float) -> None:
    """Poles and wires along the road, or across it."""
    rng = town.rng
    template = town.template("power line")
    long = max(float(np.ptp(template.vertices[:, 0])), 10.0)
    strip = town.strip(side, -_FAR, _FAR)
    off = max(strip.layout.kerbline, strip.layout.front + rng.uniform(-0.4, 3.0), 1.0)
    if rng.random() < 0.25:  # across
        x, y, heading = town.at(0, side, s, 0.35 * long)
        town.scene.put(template, x, y, heading + np.pi / 2, solid=False)
        return
    for at in np.arange(s - 2 * long, s + 2.1 * long, long):
        x, y, heading = town.at(0, side, at, off)
        if town.ground.distance(x, y) > 0.3:
            town.scene.put(template, x, y, heading, solid=False)


def wires(town: Town, side: int, s: float) -> None:
    """Masts at the kerb that carry a wire over the road."""
    line = town.strip(side, -_FAR, _FAR)
    for at in np.arange(s - 75, s + 76, 30.0):
        x, y, heading = town.at(0, side, at, line.layout.kerbline)
        if town.ground.distance(x, y) > 0.1:
            town.scene.put(town.template("mast"), x, y, heading + np.pi * (side < 0), solid=False)


def rails(town: Town, side: int, s: float) -> None:
    """Tracks beside the road, as `site_patches` has laid their bed; a train; masts."""
    rng = town.rng
    strip = town.strip(side, -_FAR, _FAR)
    first = strip.layout.front + rail_offset(s)
    tracks = [first] if "rails" not in town.layout.sites else [first, first + 4.5]
    for d in tracks:
        half = town.ground.roads[0].half
        bed = [patch for patch in town.ground.patches if patch.surface == "ballast"
               and abs(abs(patch.centre[1]) - half - d) < 0.1]  # fmt: skip
        if bed:
            town.row("rails", strip, d, PIECE, closed=True)
    if rng.random() < 0.6:
        at = rng.choice([-1, 1]) * rng.uniform(8, 45)
        x, y, heading = town.at(0, side, at, first)
        town.scene.put(town.template("train"), x, y, heading, room=-0.5)
    for at in np.arange(-60, 61, 30.0) if rng.random() < 0.5 else ():
        x, y, heading = town.at(0, side, at, first - 3.0)
        turn = heading + (np.pi if side > 0 else 0.0)
        town.scene.put(town.template("mast"), x, y, turn + np.pi, solid=False)


def level_crossing(town: Town, side: int, s: float) -> None:
    """Tracks across the road, level with it; signs, gates, perhaps a train that waits."""
    rng, road = town.rng, town.ground.roads[0]
    for t in np.arange(-58, 58.1, PIECE):
        x, y, heading = road.pose(s, t)
        name = "flush rails" if abs(t) < road.half + PIECE / 2 else "rails"
        yaw = heading + np.pi / 2
        town.scene.put(town.template(name), x, y, yaw, solid=False, drape=True)
    if rng.random() < 0.4:
        x, y, heading = road.pose(s, side * (road.half + rng.uniform(14, 40)))
        town.scene.put(town.template("train"), x, y, heading + np.pi / 2, room=-0.3)
    for end in (-1, 1):
        strip = town.strip(end, s - 10, s + 10)
        town.beside("traffic light" if rng.random() < 0.5 else "traffic sign", strip,
                    s - end * 4.5, 0.8, np.pi)  # fmt: skip
        if rng.random() < 0.7:
            town.beside("gate", strip, s - end * 3.6, 0.7, np.pi / 2, clear=-3)


def tram(town: Town, side: int, s: float) -> None:
    """Rails in the road, and a tram on them now and then."""
    rng, road = town.rng, town.ground.roads[0]
    middle = float(rng.uniform(-0.3, 0.3))
    bed = any(patch.centre == (0, 0) and patch.half[0] == 95 for patch in town.ground.patches)
    for t in [0.0] if bed else [middle - 1.7, middle + 1.7] if road.half > 4.5 else [middle]:
        for at in np.arange(-60, 60.1, PIECE):
            x, y, heading = road.pose(at, t)
            town.scene.put(town.template("flush rails"), x, y, heading, solid=False, drape=True)
        if rng.random() < 0.35:
            x, y, heading = road.pose(side * rng.uniform(22, 50), t)
            town.scene.put(town.template("train"), x, y, heading)


def tunnel(town: Town, side: int, s: float) -> None:
    """A tube around all or a part of the road."""
    rng, sides = town.rng, town.layout.sides
    half = town.ground.roads[0].half
    begin, end = -90.0, 90.0
    kind = rng.random()
    if kind < 0.45:  # its mouth ahead, seen from inside or outside
        begin = s * 0.8 if rng.random() < 0.6 else 8 + abs(s)
    elif kind < 0.7:  # a short one
        begin = s - rng.uniform(8, 20)
        end = s + rng.uniform(8, 30)
    left, right = (half + max(part.front, 0.4) + 0.1 for part in sides)
    seed = int(rng.integers(2**32))
    piece = tube(np.random.default_rng(seed), left, right, portal=False)
    mouth = tube(np.random.default_rng(seed), left, right, portal=True)
    for at in np.arange(begin + TUBE / 2, end, TUBE):
        x, y, heading = town.ground.roads[0].pose(at, 0.0)
        town.scene.put(piece, x, y, heading, solid=False)
    for at in (begin, end):
        if abs(at) < 85:
            x, y, heading = town.ground.roads[0].pose(at, 0.0)
            town.scene.put(mouth, x, y, heading, solid=False)
    town.covered = (begin, end)


def deck(town: Town, side: int, s: float) -> None:
    """Parapets on both edges of a bridge; on some a truss, on some an arch of steel."""
    rng = town.rng
    steel = rng.random() < 0.25
    for left in (-1, 1):
        strip = town.strip(left, -90, 90)
        d = max(strip.layout.front - 0.15, 0.05)
        for name in ("parapet", "truss") if steel else ("parapet",):
            town.row(name, strip, d, PIECE, closed=True)
