"""The viewer without a browser: edited words, what is seen, clicks, where scans come from."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avs3d import Scan, Segmentation, Vocabulary
from avs3d.errors import UserError
from avs3d.jobs import BatchConfig
from avs3d.palette import UNLABELLED_COLOR
from avs3d.report.scene import start_of
from avs3d.scan import Camera
from avs3d.viewer.cloud import BUDGET, Cloud
from avs3d.viewer.look import (
    Look,
    colours_of_words,
    nearest_to_ray,
    paint,
    ramp,
    ramp_css,
    scale,
    seen,
)
from avs3d.viewer.panels.player import Player
from avs3d.viewer.shows import Results, Scans, Stored, stored_at
from avs3d.viewer.subject import Edits, Subject, merged
from commands import Call, scan, segment

WORDS = ("car", "road", "tree", "bus")


def quiet(text: str) -> None:
    pass


@pytest.fixture
def result() -> Segmentation:
    rng = np.random.default_rng(0)
    points = rng.uniform(-20, 20, (400, 3)).astype(np.float32)
    points[7] = np.nan
    label = rng.integers(-1, 4, 400)
    label[7] = -1
    return Segmentation(Scan(points), label, rng.uniform(0, 1, 400), Vocabulary(WORDS), "tiny")


def test_words_are_added_removed_and_merged() -> None:
    edits = Edits(WORDS).merge("bus", "car").merge("car", "tree")
    assert edits.merged == {"bus": "tree", "car": "tree"} and edits.shown == ("road", "tree")
    assert edits.add(("bus", "kiosk")).shown == ("road", "tree", "bus", "kiosk")
    assert edits.remove("tree").words == ("road",)
    assert Edits(WORDS).merge("car", "car").shown == WORDS


edits_of_any_kind = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "merge"]), st.sampled_from(WORDS),
              st.sampled_from(WORDS)), max_size=12
)  # fmt: skip


@settings(max_examples=60)
@given(edits_of_any_kind)
def test_whatever_is_edited_merged_words_lead_to_a_word_that_is_shown(
    steps: list[tuple[str, str, str]],
) -> None:
    edits = Edits(WORDS)
    for what, word, other in steps:
        if what == "merge" and {word, other} <= set(edits.shown):
            edits = edits.merge(word, other)
        elif what != "merge":
            edits = edits.add((word,)) if what == "add" else edits.remove(word)
        assert set(edits.merged) <= set(edits.words)
        assert all(into in edits.shown for into in edits.merged.values())
    if edits.words:
        label = np.arange(len(edits.words))
        found = merged(
            Segmentation(
                Scan(np.zeros((len(label), 3))), label, np.ones(len(label)),
                Vocabulary(edits.words), "",
            ),
            edits.merged,
        )  # fmt: skip
        assert found.vocabulary.words == edits.shown
        for word, index in zip(edits.words, found.label, strict=True):
            assert found.vocabulary.words[index] == edits.merged.get(word, word)


def test_hidden_words_and_points_without_position_are_not_seen(result: Segmentation) -> None:
    assert seen(result, Look()).sum() == 399
    shown = seen(result, Look(hidden={"car", "bus"}, unlabelled=False))
    assert set(np.unique(result.label[shown])) == {1, 2}
    similarity = np.linspace(0, 1, 400)
    above = seen(result, Look(threshold=0.5, only_best=True), similarity)
    assert above.sum() == (similarity >= 0.5).sum()


@pytest.mark.filterwarnings("error::RuntimeWarning", "error::UserWarning")
def test_colours_mean_what_the_mode_says(result: Segmentation) -> None:
    by_word = paint(result, Look())
    table = colours_of_words(result, Look())
    labelled = result.label >= 0
    np.testing.assert_array_equal(by_word[labelled], table[result.label[labelled]])
    assert (by_word[~labelled] == UNLABELLED_COLOR).all()
    light = paint(result, Look("height"))[result.scan.finite] @ np.array([0.3, 0.6, 0.1])
    height = result.scan.points[result.scan.finite, 2]
    assert np.corrcoef(light, height)[0, 1] > 0.95
    assert (paint(result, Look("intensity")) == UNLABELLED_COLOR).all()  # there is none
    assert scale(result, Look()) is None and scale(result, Look("intensity")) is None
    low, high = scale(result, Look("height")) or (0, 0)
    assert -20 < low < -19 and 19 < high < 20 and ramp_css().count("#") == 9
    inside = np.arange(400) < 200
    dark = paint(result, Look(), inside=inside)
    assert (dark[:200] == by_word[:200]).all() and dark[200:].sum() < by_word[200:].sum() / 3
    assert ramp(np.full(3, np.nan)).shape == (3, 3) and len(ramp(np.zeros(0))) == 0


def test_safe_colours_are_those_of_the_commonest_words() -> None:
    count = 12
    label = np.repeat(np.arange(count), np.arange(1, count + 1))
    words = Vocabulary(tuple(f"word {i}" for i in range(count)))
    many = Segmentation(Scan(np.zeros((len(label), 3))), label, np.ones(len(label)), words, "")
    colours = colours_of_words(many, Look(safe=True))
    assert len(np.unique(colours[4:], axis=0)) == 8
    assert (colours[:4] == colours[0]).all()


def test_a_click_means_the_foremost_point_under_it() -> None:
    points = np.array([[5, 0, 0], [10, 0, 0], [5, 3, 0], [-5, 0, 0], [2, 0.03, 0]], np.float32)
    assert nearest_to_ray(points, (0, 0, 0), (1, 0, 0)) == 0
    assert nearest_to_ray(points, (0, 0, 0), (5, 3, 0)) == 2
    assert nearest_to_ray(points, (0, 0, 0), (2, 0.055, 0)) == 4  # nothing is under it
    assert nearest_to_ray(points, (0, 0, 0), (0, 0, 1)) is None
    assert nearest_to_ray(points[:0], (0, 0, 0), (0, 0, 1)) is None
    assert nearest_to_ray(np.zeros((1, 3), np.float32), (0, 0, 0), (0, 0, 1)) is None


def test_there_is_a_place_to_look_from_for_any_cloud() -> None:
    for points in (np.zeros((0, 3)), np.full((2, 3), np.nan), np.ones((3, 3))):
        position, middle, size = start_of(Scan(points))
        assert np.isfinite(position).all() and (position != middle).any() and size > 0


def test_a_scan_is_segmented_and_its_words_are_edited(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AVS3D_CACHE", str(tmp_path / "cache"))
    paths = tuple(str(scan(tmp_path / f"{i}.bin", i)) for i in range(2))
    words = Vocabulary.from_words(["car", "road", "tree"])
    show = Scans(BatchConfig(paths, None, str(bundle), words, columns="4"), quiet)
    assert list(show.names) == ["0", "1"]
    subject = show.open(1)
    first = subject.result
    assert subject.is_encoded and first.vocabulary.words == words.words
    subject.edit(Edits(words.words).add(("kiosk",)).merge("car", "road"))
    assert subject.result.vocabulary.words == ("road", "tree", "kiosk")
    expected = subject.encoded.segment(Vocabulary.from_words([*words, "kiosk"]))
    new = np.array([0, 0, 1, 2, -1])[expected.label]
    np.testing.assert_array_equal(subject.result.label, new)
    best = subject.best_words(5, 2)
    assert best[0][0] in subject.result.vocabulary.words and best[0][1] >= best[1][1]
    assert subject.best_words(2) == []  # it has no position
    subject.edit(None)
    assert subject.result is first
    with pytest.raises(UserError, match="no words"):
        subject.edit(Edits(()))


def test_views_are_the_points_that_were_described(result: Segmentation) -> None:
    subject = Subject(result, lambda: pytest.fail("nothing is asked"), 6)  # type: ignore[arg-type]
    held = np.array([subject.view(f"sector {i:02d}") for i in range(6)])
    np.testing.assert_array_equal(held.sum(0), result.scan.finite)  # each point is in one
    start, end = subject.sector("sector 03") or (0, 0)
    inside = result.scan.points[held[3]]
    angle = np.arctan2(inside[:, 1], inside[:, 0])
    assert len(angle) and start <= angle.min() and angle.max() <= end
    assert subject.view("sector 06") is None and subject.sector("camera front") is None


def test_a_view_is_of_the_camera_that_it_names(result: Segmentation) -> None:
    k, names = np.diag([9.0, 9.0, 1.0]), ("left", "front_left", "0")
    cameras = tuple(Camera(name, np.zeros((8, 8, 3), np.uint8), k, np.eye(4)) for name in names)
    seen_by = replace(result, scan=replace(result.scan, cameras=cameras))
    subject = Subject(seen_by, lambda: pytest.fail("nothing is asked"), 12)  # type: ignore[arg-type]
    told = ["camera front_left", "left", "sector 10", "camera right"]
    assert [subject.camera(name) for name in told] == ["front_left", "left", None, None]


def test_a_scan_that_cannot_be_asked_what_was_asked_is_not_gone_to(result: Segmentation) -> None:
    pytest.importorskip("viser")
    from avs3d.viewer.app import App

    def subject(answer: np.ndarray | None) -> Any:
        def query(text: str) -> np.ndarray:
            if answer is None:
                raise UserError("no bundle 'gone'")
            return answer

        return SimpleNamespace(query=query, edit=lambda edits: None)

    app, here = object.__new__(App), subject(np.zeros(9))
    app.subject, app.index, app.view, app.edits, app._opened = here, 0, None, None, {}
    app.queries, app.asked = {"car": here.query("car")}, "car"
    app.show = SimpleNamespace(open=lambda index: subject(None))  # type: ignore[assignment]
    with pytest.raises(UserError, match="gone"):
        app.go(1)
    assert app.subject is here and app.index == 0 and app.similarity is app.queries["car"]


def test_a_slider_that_is_dragged_ends_where_it_was_let_go(result: Segmentation) -> None:
    class Gui:
        """Hands out controls whose callbacks are not called by themselves."""

        def __getattr__(self, name: str) -> Any:
            return lambda *args, **more: SimpleNamespace(
                value=args[-1], min=0, max=49, content="", on_update=id, on_trigger=id
            )

    app: Any = SimpleNamespace(
        server=SimpleNamespace(gui=Gui()), show=SimpleNamespace(names=[*map(str, range(50))]),
        index=0, subject=SimpleNamespace(result=result), doing=id,
        cloud=SimpleNamespace(is_sampled=False),
    )  # fmt: skip
    player = Player(app)
    dragged = [4, 9, 42]  # while the first of these scans is being opened

    def go(index: int) -> None:
        app.index = index
        while dragged:
            player._slider.value = dragged.pop(0)
        player.refresh()

    app.go = go
    player.refresh()
    player._slider.value = 1
    for _ in range(4):  # what waited for the lock
        player._slide()
    assert app.index == player._slider.value == 42
    go(7)  # by the keys
    assert player._slider.value == 7


def test_results_are_shown_as_they_lie_there(call: Call, bundle: Path, tmp_path: Path) -> None:
    scan(tmp_path / "a.bin"), scan(tmp_path / "b.bin", 1)
    assert segment(call, bundle, "a.bin", "b.bin", "--columns", "4").exit_code == 0
    out = tmp_path / "avs3d-results"
    stored = stored_at(out)
    assert [one.name for one in stored] == ["a", "b"] and stored[0].bundle == str(bundle)
    show = Results(stored, BatchConfig((), None), quiet)
    subject = show.open(1)
    with np.load(out / "b.npz") as arrays:
        np.testing.assert_array_equal(subject.result.label, arrays["label"])
    assert not subject.is_encoded  # no bundle was loaded for that
    assert np.isfinite(subject.query("car")).sum() == 400
    assert stored_at(out / "a.npz") == [stored[0]]
    (one,) = stored_at(out / "a.npz")  # of a run of two, whose words have the colours of the run
    assert Results([one], BatchConfig((), None), quiet).open(0).result.steady
    made = {"min_score": 2.0, "sources": {"feature": "fusion"}}
    other = Results([replace(one, made={**one.made, **made})], BatchConfig((), None), quiet).open(0)
    assert other.result.scan.left_out == (
        "labels are by --feature fusion; clicks, questions and edits are answered by distill",
    )
    assert not subject.result.scan.left_out
    other.edit(Edits(("car", "road"), {}))
    assert (other.result.label < 0).all()  # no score is 2
    assert stored_at(tmp_path) == [] and stored_at(tmp_path / "a.bin") == []
    moved = (out / "a.npz").rename(tmp_path / "moved.npz")
    assert stored_at(moved) == [Stored(moved)]
    plain = tmp_path / "plain.npz"
    np.savez(plain, points=np.zeros((5, 3)))
    assert stored_at(plain) == []


def test_what_cannot_be_asked_is_said(result: Segmentation) -> None:
    def encode() -> None:
        raise UserError("no bundle 'gone'")

    subject = Subject(result, encode)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="gone"):
        subject.query("car")
    assert subject.result is result


class Client:
    """What the cloud asks of a browser."""

    client_id = 0

    def __init__(self, scene: Any) -> None:
        self.scene = scene
        self.camera = SimpleNamespace(look_at=np.zeros(3), position=np.array([0, 0, 200.0]))


def test_a_large_cloud_is_sampled_and_picked_from_in_full() -> None:
    from avs3d.report.scene import scene_server

    count = BUDGET + 1000
    points = np.random.default_rng(0).uniform(-50, 50, (count, 3)).astype(np.float32)
    colours = np.zeros((count, 3), np.uint8)
    everything = np.ones(count, bool)
    with scene_server() as server:
        client = Client(server.scene)
        server.get_clients = lambda: {0: client}  # type: ignore[assignment]
        cloud = Cloud(server)
        cloud.resize(0.5, 100.0)
        cloud.show(points, colours, everything)
        assert cloud.is_sampled
        named = server.scene.get_handle_by_name
        drawn, details = named("/sample"), named("/details")
        assert len(drawn.points) == BUDGET and drawn.point_size == 0.5
        far = np.linalg.norm(points - client.camera.look_at, axis=1)
        assert np.linalg.norm(details.points - client.camera.look_at, axis=1).max() < far.max()
        cloud.show(points, colours + 1, everything)
        assert named("/sample") is drawn and named("/details") is details  # colours alone were sent
        assert (details.colors == 1).all()
        client.camera.position = client.camera.look_at + np.array([0, 0, 10.0])
        cloud._detail(client)  # type: ignore[arg-type]
        assert named("/sample") is drawn and drawn.point_size == pytest.approx(0.05)
        assert named("/details").point_size == pytest.approx(0.05)
        cloud.resize(1.0)
        assert drawn.point_size == pytest.approx(0.1)
        cloud.show(points, colours, np.arange(count) < 10)
        assert not cloud.is_sampled
        assert named("/sample") is named("/details") is None and len(named("/cloud").points) == 10
        cloud.show(points, colours, everything)
        assert named("/cloud") is None and named("/sample") is not None
        cloud.show(points, colours, np.arange(count) < 10)
        eye = points[4] + np.float32([0, 0, 0.1])
        assert cloud.pick(tuple(eye), (0, 0, -1)) == 4


@pytest.mark.usefixtures("listening")
def test_the_command_prints_its_address_and_ends_on_ctrl_c(bundle: Path, tmp_path: Path) -> None:
    path = scan(tmp_path / "a.bin")
    process = subprocess.Popen(
        [sys.executable, "-m", "avs3d", "view", path, "--columns", "4", "--bundle", bundle,
         "-v", "car,road", "--no-open", "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    timer = threading.Timer(120, process.kill)
    timer.start()
    found = re.match(r"http://localhost:\d+", process.stdout.readline())
    assert found, process.stderr.read()
    with closing(urllib.request.urlopen(found[0])) as answer:
        assert answer.status == 200 and b"<html" in answer.read(2000)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    timer.cancel()
    assert "Traceback" not in process.stderr.read()


def test_from_other_machines_nothing_is_seen_without_the_token() -> None:
    import viser
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    from avs3d.report.scene import scene_server
    from avs3d.viewer.guard import guarded

    told = [f"viser-v{viser.__version__}"]
    with scene_server() as server, guarded(server.get_port(), "127.0.0.2", 0) as (port, token):
        bare = f"127.0.0.2:{port}"
        with closing(urllib.request.urlopen(f"http://{bare}/{token}/")) as answer:
            assert answer.status == 200 and b"<html" in answer.read(2000)
            assert answer.headers["Referrer-Policy"] == "no-referrer"
        for path in ("", "/", "/index.html", f"/{token[:-1]}/", f"/{token}x/"):
            with pytest.raises(urllib.error.HTTPError, match="403"):
                urllib.request.urlopen(f"http://{bare}{path}")
            with pytest.raises(InvalidStatus, match="403"):
                connect(f"ws://{bare}{path}", subprotocols=told)
        with connect(f"ws://{bare}/{token}", subprotocols=told) as socket:
            assert len(socket.recv(10)) > 16  # the scene
    with pytest.raises(OSError):
        urllib.request.urlopen(f"http://{bare}/{token}/")


def test_pages_of_other_sites_are_refused() -> None:
    import viser
    from websockets.asyncio import server as websockets_server
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    from avs3d.report.scene import scene_server

    usual, told = websockets_server.serve, [f"viser-v{viser.__version__}"]
    with scene_server() as server:
        assert websockets_server.serve is usual
        address = f"ws://127.0.0.1:{server.get_port()}"
        own = f"http://localhost:{server.get_port()}"
        for origin in (None, own, "http://localhost:9000", "http://127.0.0.1", "https://[::1]:1"):
            with connect(address, subprotocols=told, origin=origin) as socket:  # type: ignore[arg-type]
                assert len(socket.recv(10)) > 16  # the scene
        for origin in ("http://evil.example", "http://localhost.evil.example", "null", "file://"):
            with pytest.raises(InvalidStatus, match="403"):
                connect(address, subprotocols=told, origin=origin)  # type: ignore[arg-type]
        twice = [("Origin", own), ("Origin", "http://evil.example")]
        with pytest.raises(InvalidStatus, match="403"):
            connect(address, subprotocols=told, additional_headers=twice)  # type: ignore[arg-type]


def test_mistakes_are_one_line(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = call("view", "nothing.bin")
    assert missing.exit_code == 2 and "nothing.bin" in missing.stderr
    path = scan(tmp_path / "a.bin")
    taken = call("view", path, "--columns", "4", "--host", "203.0.113.7", "--no-open")
    assert taken.exit_code == 2 and "cannot listen" in taken.stderr
    monkeypatch.setattr("avs3d.environment.missing_modules", lambda modules: list(modules))
    absent = call("view", path)
    assert absent.exit_code == 2 and 'pip install "avs3d[viewer]"' in absent.stderr
