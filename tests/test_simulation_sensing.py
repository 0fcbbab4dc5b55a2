"""What sensors do to what their rays met: beams, air, carrier, echoes, motion."""

from __future__ import annotations

import numpy as np
import pytest

from avs3d.simulation.places.scene import Solid
from avs3d.simulation.sensing.beams import Beams, draw_beams
from avs3d.simulation.sensing.carrier import hide_behind_carrier
from avs3d.simulation.sensing.lidar import Target
from avs3d.simulation.sensing.response import Response
from avs3d.simulation.sensing.returns import NOBODY, NOTHING, Returns
from avs3d.simulation.sensing.sensors import SENSORS
from avs3d.simulation.sensing.sweeps import Motion, skew
from avs3d.simulation.sensing.weather import Air

KITTI = SENSORS["kitti-64"]


def met(ranges: np.ndarray) -> Returns:
    """Rays that end on a wall of category 7, each on an instance of its own number."""
    n = len(ranges)
    return Returns(
        ranges.astype(np.float32), np.full(n, 7), np.arange(n), np.full(n, 0.5), np.zeros(n),
        np.ones(n),
    )  # fmt: skip


def row(n: int) -> Beams:
    turn = np.linspace(-0.5, 0.5, n)
    rays = np.stack([np.cos(turn), np.sin(turn), 0 * turn], 1).astype(np.float32)
    return Beams(rays, np.zeros(n, np.int32), np.linspace(0, 1, n, dtype=np.float32), 1, n)


def response(**changes: object) -> Response:
    """A sensor without any fault but those asked for."""
    made = Response(np.random.default_rng(0), KITTI, 1, 100.0)
    perfect = {"mixing": 0.0, "bloom": 0.0, "echo": "strongest", "drop": 0.0, "threshold": 0.0,
               "noise": 0.0, "bias": np.zeros(1), "weak": np.zeros(1)}  # fmt: skip
    for name, value in {**perfect, **changes}.items():
        assert hasattr(made, name)
        setattr(made, name, value)
    return made


@pytest.mark.parametrize("name", SENSORS)
def test_beams_keep_to_their_rings_and_their_field(name: str) -> None:
    sensor = SENSORS[name]
    beams = draw_beams(np.random.default_rng(4), sensor)
    assert len(beams.rays) == beams.rings * beams.columns < 260_000
    assert np.linalg.norm(beams.rays, axis=1) == pytest.approx(1.0, abs=1e-5)
    elevation = np.degrees(np.arcsin(beams.rays[:, 2]))
    azimuth = np.degrees(np.arctan2(beams.rays[:, 1], beams.rays[:, 0]))
    if sensor.view:
        assert np.abs(azimuth).max() < sensor.view[1] / 2 + 8
    if sensor.dots:
        assert sensor.elevation.min() - 0.1 < elevation.min()
        assert elevation.max() < sensor.elevation.max() + 0.1
    elif not sensor.view:
        assert np.abs(elevation - sensor.elevation[beams.ring]).max() < 0.15


def test_thinned_beams_are_every_second_column_of_each_ring() -> None:
    beams = draw_beams(np.random.default_rng(0), SENSORS["vlp-16"])
    thin = beams.thin(2, 1)
    assert (thin.rings, len(thin.rays)) == (16, 16 * thin.columns)
    assert (thin.rays[: thin.columns] == beams.rays[1 : beams.columns : 2]).all()
    assert (np.bincount(thin.ring) == thin.columns).all()


def test_snow_is_nothing_near_the_sensor_and_weakens_what_lies_behind() -> None:
    air = Air(np.random.default_rng(1), 100.0)
    air.drops, air.stray, air.is_low_sun, air.clouds = (0.1, 4.0, 0.02, 0.1), 0.0, False, []
    found = met(np.full(5000, 30.0))
    air.fill(found, row(5000).rays)
    snow = found.category == NOTHING
    assert 0.05 < snow.mean() < 0.12
    assert (found.instance[snow] == NOBODY).all() and found.range[snow].max() < 30
    assert (found.range[~snow] == 30).all() and found.loss[~snow] == pytest.approx(1 - np.exp(-0.6))


def test_dust_is_a_cloud_at_its_place() -> None:
    air = Air(np.random.default_rng(1), 100.0)
    air.drops, air.stray, air.is_low_sun = None, 0.0, False
    air.clouds = np.array([[0.0, 10.0, 0.0, 1.0, 1.0, 0.2]])
    found, rays = met(np.full(1000, 30.0)), row(1000).rays
    air.fill(found, rays)
    dust = found.category == NOTHING
    places = rays[dust] * found.range[dust, None]
    assert dust.sum() > 100
    assert np.linalg.norm(places - [10, 0, 0], axis=1).max() < 1.01


def test_a_carrier_hides_what_is_behind_it_and_nothing_far_off_ahead() -> None:
    for seed in range(20):
        found, beams = met(np.full(4000, 20.0)), draw_beams(np.random.default_rng(0), KITTI)
        found = met(np.full(len(beams.rays), 20.0))
        hide_behind_carrier(
            np.random.default_rng(seed), found, beams.rays, SENSORS["front-16"], 0.6
        )
        behind = beams.rays[:, 0] < -0.8
        assert (found.range[behind] != 20.0).all()
        own = found.category == NOTHING
        assert (found.range[own] < 10).all()
        assert (found.range == 20.0).mean() > 0.2


def test_a_last_echo_comes_from_behind_an_edge() -> None:
    ranges = np.where(np.arange(400) % 2 == 0, 10.0, 20.0)
    beams, found = row(400), met(ranges)
    first = response().measure(found, beams)
    both = response(echo="both").measure(found, beams)
    last = response(echo="last").measure(found, beams)
    assert (first.ray == np.arange(400)).all() and (first.source == first.ray).all()
    twice = np.bincount(both.ray) == 2
    assert 0.2 < twice[::2].mean() < 0.5 and not twice[1::2].any()
    extra = last.source != last.ray
    assert extra.any() and last.range[extra] == pytest.approx(20.0)
    assert (last.source[extra] == last.ray[extra] + 1).all()


def test_a_strong_reflector_blooms() -> None:
    beams, found = row(720), met(np.full(720, 30.0))
    found.range[360], found.reflectance[360] = 10.0, 8.0
    halo = response(bloom=0.9).measure(found, beams)
    near = np.flatnonzero(halo.range < 15)
    assert len(near) > 1 and (halo.source[near] == 360).all()
    assert np.abs(near - 360).max() < 5


def test_ranges_are_whole_steps_and_intensities_of_the_scale() -> None:
    sensor = SENSORS["van-64"]
    made = Response(np.random.default_rng(0), sensor, 1, 100.0)
    echoes = made.measure(met(np.random.default_rng(1).uniform(5, 50, 500)), row(500))
    steps = echoes.range / sensor.quantum
    assert steps == pytest.approx(np.round(steps), abs=2e-2)
    assert echoes.intensity.max() <= 100 and (echoes.intensity % 1 == 0).all()


def test_what_moves_was_elsewhere_before() -> None:
    wall = np.array([[0, -5, -5], [0, 5, -5], [0, 0, 5]], np.float32)
    one = np.zeros(2, np.int16)
    solid = Solid(np.concatenate([wall + [10, 0, 0], wall + [30, 0, 0]]).astype(np.float32),
                  np.arange(6, dtype=np.int32).reshape(2, 3), one, one, one.astype(np.int32),
                  one.astype(np.float32))  # fmt: skip
    target = Target(solid, np.array([[8.0, 0.0], [0.0, 0.0]], np.float32))
    start, ahead = np.zeros((1, 3), np.float32), np.array([[1, 0, 0]], np.float32)
    for time, away in ((0.0, 10.0), (-0.5, 6.0), (0.0, 10.0)):
        face, distance, _ = target.hit(start, ahead, time)
        assert face[0] == 0 and distance[0] == pytest.approx(away, abs=1e-4)
    assert target.hit(start, ahead, -2.0)[0][0] == 1  # it was behind the sensor


def test_skew_shifts_the_ends_of_a_sweep_apart() -> None:
    motion = Motion(speed=10.0, turn=0.0, count=1, interval=0.1, skew=1.0, drift=0.0)
    points = np.tile(np.array([[5.0, 0, 0]], np.float32), (3, 1))
    moved = skew(points, np.array([0.0, 0.5, 1.0]), motion, np.array([1.0, 0.0, 0.0]))
    assert moved[:, 0] == pytest.approx([5.5, 5.0, 4.5])
