"""The picture: right pixels, right words, whole files, for every kind of cloud."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avs3d import Scan, Segmentation, Vocabulary
from avs3d.palette import palette
from avs3d.report.page import Page, on_dark
from avs3d.report.picture import draw, draw_heat
from avs3d.report.places import best_places
from avs3d.report.views import (
    NOTHING,
    close_gaps,
    from_above,
    from_sensor,
    sensor_eye,
    slanted,
    winners,
)


def spinning(rings: int = 16, columns: int = 360, ground: float = -1.8) -> Scan:
    """A scan from the origin of flat ground with a wall 20 m ahead (x) of the sensor."""
    elevation, azimuth = np.meshgrid(
        np.radians(np.linspace(-15, 10, rings)), np.linspace(-np.pi, np.pi, columns, endpoint=False)
    )
    ray = np.stack(
        [
            np.cos(elevation) * np.cos(azimuth),
            np.cos(elevation) * np.sin(azimuth),
            np.sin(elevation),
        ],
        -1,
    ).reshape(-1, 3)
    with np.errstate(divide="ignore"):
        to_ground = np.where(ray[:, 2] < 0, ground / ray[:, 2], np.inf)
        to_wall = np.where(ray[:, 0] > 0, 20 / ray[:, 0], np.inf)
    reach = np.minimum(to_ground, to_wall)
    hit = reach < 80
    return Scan(ray[hit] * reach[hit, None], name="made up")


def labelled(scan: Scan, words: list[str]) -> Segmentation:
    label = np.arange(len(scan)) % len(words)
    label[~scan.finite] = -1
    return Segmentation(
        scan, label, np.full(len(scan), 0.5), Vocabulary.from_words(words), "street-mini"
    )


def test_nearest_point_wins_a_pixel() -> None:
    index = winners(
        np.array([1.5, 1.5, 0.0]), np.array([0.5, 0.5, 1.0]), np.array([1.0, 3.0, 2.0]), (2, 3), 1
    )
    assert index.tolist() == [[NOTHING, 1, NOTHING], [2, NOTHING, NOTHING]]


def test_points_outside_or_without_position_are_not_drawn() -> None:
    column = np.array([-0.1, 3.0, np.nan, 1.0, 1.0])
    row = np.array([0.0, 0.0, 0.0, 2.0, np.inf])
    assert (winners(column, row, np.ones(5), (2, 3), 3) == NOTHING).all()


def test_square_of_a_point_is_centred_and_cut_at_the_border() -> None:
    index = winners(np.array([2.0, 0.0]), np.array([2.0, 0.0]), np.array([0.0, 0.0]), (5, 5), 3)
    assert (index[1:4, 1:4] == 0).sum() == 8 or (index[1:4, 1:4] == 0).all()
    assert (index[:2, :2] == 1).sum() >= 3
    assert (index[4, :] == NOTHING).all()


def test_gaps_are_filled_between_points_but_outlines_stay() -> None:
    row = np.array([[NOTHING, 7, NOTHING, NOTHING, 9, NOTHING, NOTHING, NOTHING, 5]], np.int32)
    closed = close_gaps(row, 2, axis=1)
    assert closed.tolist() == [[NOTHING, 7, 7, 9, 9, NOTHING, NOTHING, NOTHING, 5]]
    assert close_gaps(row.T, 2, axis=0).ravel().tolist() == closed.ravel().tolist()


def test_bird_s_eye_puts_points_where_the_axes_say() -> None:
    scan = spinning()
    for turn in (0, 1):  # the long side lies across, whichever axis that is
        points = scan.points * [3, 1, 1] if turn == 0 else scan.points[:, [1, 0, 2]] * [1, 3, 1]
        cloud = Scan(points)
        view = from_above(cloud, (200, 400))
        left, right, bottom, top = view.extent
        across, up = ("xy".index(label[0]) for label in (view.x_label, view.y_label))
        assert across == turn
        rows, columns = np.nonzero(view.index != NOTHING)
        seen = cloud.points[view.index[rows, columns]]
        size = (right - left) / 400
        x = left + (columns + 0.5) * size
        y = top + (rows + 0.5) / 200 * (bottom - top)
        assert abs(size - abs(top - bottom) / 200) < 1e-9  # undistorted
        assert np.abs(seen[:, across] - x).max() <= 8 * size  # of a dot, or over a closed gap
        assert np.abs(seen[:, up] - y).max() <= 8 * size


def test_range_view_sees_the_wall_ahead_in_the_middle() -> None:
    scan = spinning()
    eye = sensor_eye(scan)
    assert eye is not None
    view = from_sensor(scan, eye, (100, 720))
    middle = view.index[:, 340:380]
    seen = scan.points[middle[middle != NOTHING]]
    assert (seen[:, 0] > 0).all()
    assert np.abs(np.degrees(np.arctan2(seen[:, 1], seen[:, 0]))).max() < 12
    left_side = view.index[:, 170:190]
    assert (scan.points[left_side[left_side != NOTHING], 1] > 0).all()


def test_only_scans_from_one_place_get_a_range_view() -> None:
    rng = np.random.default_rng(0)
    tile = Scan(rng.uniform([-50, -50, 0], [50, 50, 10], (5000, 3)))
    assert sensor_eye(tile) is None
    assert sensor_eye(Scan(spinning().points, origin=np.array([6e5, 5e6, 0.0]))) is None
    np.testing.assert_array_equal(sensor_eye(spinning()), [0, 0, 0])
    on_road = Scan(spinning().points + [0, 0, 1.8])
    np.testing.assert_allclose(sensor_eye(on_road), [0, 0, 1.8], atol=0.1)


def test_strays_do_not_shrink_the_scene() -> None:
    scan = spinning()
    stray = Scan(np.concatenate([scan.points, np.full((5, 3), 1e6)]))
    for view in (from_above(stray, (200, 400)), slanted(stray, (200, 400))):
        assert abs(view.extent[1] - view.extent[0]) < 500


def test_picture_is_the_same_bytes_again_and_shows_every_word(tmp_path: Path) -> None:
    words = ["road", "car", "tree", "person"]
    result = labelled(spinning(), words)
    first = draw(result, tmp_path / "a.png").read_bytes()
    assert draw(result, tmp_path / "b.png").read_bytes() == first
    image = np.asarray(Image.open(tmp_path / "a.png").convert("RGB"))
    assert image.shape == (1100, 1600, 3)
    legend = image[:, 1195:].reshape(-1, 3)
    for colour in on_dark(palette(words)):
        assert (legend == colour).all(1).sum() > 100
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_note_changes_the_picture(tmp_path: Path) -> None:
    result = labelled(spinning(), ["road"])
    plain = draw(result, tmp_path / "a.png").read_bytes()
    assert draw(result, tmp_path / "b.png", note="scores are low").read_bytes() != plain


@pytest.mark.parametrize(
    "points",
    [
        np.zeros((0, 3)),
        np.full((3, 3), np.nan),
        np.zeros((1, 3)),
        np.full((9, 3), 7.0),
        np.array([[np.nan, 0, 0], [1, 2, 3], [np.inf, 1, 1]]),
        (np.random.default_rng(0).normal(size=(50, 3)) * 1e7).astype("f4"),
    ],
    ids=["none", "nan", "one", "equal", "mixed", "huge"],
)
@pytest.mark.filterwarnings("error::RuntimeWarning", "error::UserWarning")
def test_any_cloud_gives_a_picture(points: np.ndarray, tmp_path: Path) -> None:
    scan = Scan(points)
    Image.open(draw(labelled(scan, ["road", "$x_1$"]), tmp_path / "a.png")).verify()
    similarity = np.where(scan.finite, 0.3, np.nan)
    Image.open(draw_heat(scan, similarity, "50 $ bill", tmp_path / "b.png")).verify()


@pytest.mark.parametrize("count", [1, 40, 41, 90])
def test_any_number_of_words_is_drawn(count: int, tmp_path: Path) -> None:
    words = [f"word number {i}" if i % 2 else "w" * 80 + str(i) for i in range(count)]
    Image.open(draw(labelled(spinning(64, 1800), words), tmp_path / "a.png")).verify()


def test_long_words_are_cut_to_the_width_they_have() -> None:
    page = Page(400)
    cut = page.fit("a very long word for a thing", 12, 90)
    assert cut.endswith("…") and 5 < len(cut) < 20
    assert page.fit("car", 12, 90) == "car"


def test_dark_colours_are_lifted_and_others_left() -> None:
    colours = np.array([[0, 0, 0], [60, 30, 200], [255, 200, 0]], np.uint8)
    lifted = on_dark(colours)
    assert (lifted @ [0.299, 0.587, 0.114]).min() > 94
    np.testing.assert_array_equal(lifted[2], colours[2])


def test_heat_is_highest_where_the_query_is(tmp_path: Path) -> None:
    scan = spinning()
    similarity = np.where(scan.points[:, 0] > 19.9, 0.6, 0.1).astype(np.float32)
    draw_heat(scan, similarity, "wall", tmp_path / "a.png")
    image = np.asarray(Image.open(tmp_path / "a.png").convert("RGB")).astype(int)
    strip = image[810:1040, 66:1580].sum(2)  # the range view; the wall is in its middle
    assert strip[:115, 700:800].mean() > 2 * strip[:115, 0:100].mean()


def test_places_are_apart_and_best_first() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(-30, 30, (20_000, 3)).astype(np.float32)
    centres = np.array([[5, 5, 0], [-20, 3, 1]])
    near = [np.linalg.norm(points - centre, axis=1) < 3 for centre in centres]
    similarity = np.where(near[0], 0.8, np.where(near[1], 0.6, 0.1)).astype(np.float32)
    similarity[0] = np.nan
    places = best_places(points, similarity, radius=6)
    assert len(places) == 2
    for place, centre, level in zip(places, centres, (0.8, 0.6), strict=True):
        assert place.similarity == pytest.approx(level)
        assert np.linalg.norm(place.position - centre) < 3
    assert best_places(points, np.full(20_000, np.nan)) == []
