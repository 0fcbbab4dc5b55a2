"""What stands behind the commands: names of results, vocabularies, whole files, warnings."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avs3d import Scan, Segmentation, Source, UserError, Vocabulary
from avs3d.atomic import write_bytes, write_json
from avs3d.batch import exit_code
from avs3d.cli.options import parse_vocabulary
from avs3d.cli.tables import frequency_table, place_table, stdout, word_table
from avs3d.environment import OPTIONAL_PARTS, require, versions
from avs3d.jobs import unique_names
from avs3d.report.places import Place
from avs3d.run import Result, low_score_note, map_note, mean_score, units_note
from commands import Call

PART = st.text(alphabet="aAb_.", min_size=1, max_size=3).filter(lambda part: part.strip("."))
PATHS = st.lists(
    st.tuples(st.lists(PART, max_size=3), PART, st.sampled_from([".bin", ".ply", ".pcd.bin"])),
    max_size=8,
    unique_by=str,
)


@given(PATHS)
def test_names_of_results_are_unique_whatever_the_case(
    parts: list[tuple[list[str], str, str]],
) -> None:
    paths = [Path("/", *folders, stem + kind) for folders, stem, kind in parts]
    names = unique_names(paths)
    assert len({name.lower() for name in names}) == len(paths)
    assert all(name and "/" not in name for name in names)
    assert unique_names(paths) == names


def test_names_are_stems_where_they_can_be() -> None:
    assert unique_names([Path("x/a.bin"), Path("b.pcd.bin"), Path("c.tar.ply")]) == [
        "a",
        "b",
        "c.tar",
    ]
    assert unique_names([Path("x/a.bin"), Path("x/a.ply")]) == ["a_bin", "a_ply"]
    assert unique_names([Path("r/x/a.bin"), Path("s/x/a.bin")]) == ["r_x_a", "s_x_a"]
    assert unique_names([Path("x/Scan.bin"), Path("y/scan.bin")]) == ["x_Scan", "y_scan"]


def test_vocabulary_of_an_option() -> None:
    assert parse_vocabulary(None) is None
    found = parse_vocabulary("car,  traffic   light ,,car")
    assert found is not None and found.words == ("car", "traffic light")
    assert found.sources[0][0].captioner == "user"


@pytest.mark.parametrize("name", ["semantickiti", "Nuscenes-16", "nuscenes", "scannet", "street-9"])
def test_one_word_that_is_all_but_a_label_set_is_asked_about(name: str) -> None:
    with pytest.raises(UserError, match=f"{name}: did you mean the label set .*comma behind"):
        parse_vocabulary(name)
    for text in (f"{name},", f"car, {name}", "street", "kitty"):
        found = parse_vocabulary(text)
        assert isinstance(found, Vocabulary) and len(found)


def test_summaries_of_commands_are_whole(call: Call) -> None:
    for command in ((), ("prepare",), ("train",)):
        _, listed = call(*command, "--help").stdout.split("Commands:")
        assert "..." not in listed


def test_places_are_told_in_the_coordinates_of_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    near = Place(0.5, np.array([1.0, 2.0, 2.0], np.float32), 9)
    cloud = np.zeros((1, 3), np.float32)
    stdout().print(place_table([near], Scan(cloud, origin=np.array([691000.0, 5.0e6, 0.0]))))
    told = capsys.readouterr().out  # of a map, which is seen from nowhere, without a distance
    assert told.split()[-5:] == ["0.500", "691001.0", "5000002.0", "2.0", "9"]
    assert "distance" not in told
    stdout().print(place_table([near], Scan(cloud)))
    assert capsys.readouterr().out.split()[-6:] == ["0.500", "1.0", "2.0", "2.0", "3.0", "9"]


def test_tables_tell_of_what_was_given(
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = Source("user", "sector 00", "A car.")
    row = {"word": "car", "points": 4, "share": 1.0, "score": 0.5, "sources": (source,)}
    stdout().print(word_table(Result({"points": 4, "labelled": 4}, [row], (), {})))
    rows = [{"word": "car", "scans": 1, "points": 4, "from": ["user"]}]
    stdout().print(frequency_table(rows))
    said = capsys.readouterr().out
    assert "given sector 00: A car." in said and said.split()[-1] == "given"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", "car\r\ntraffic light\n", ("car", "traffic light")),
        ("a.txt", "car, road\ntree", ("car", "road", "tree")),
        ("a.csv", "car,road", ("car", "road")),
        ("a.json", '["car", "road"]', ("car", "road")),
        ("a.json", '{"words": ["car"], "sources": {}}', ("car",)),
        ("words", "car\nroad", ("car", "road")),
        ("a.txt", "\ufeffcar\n\n \t\ncar\n  car ", ("car",)),
        ("a.txt", "cafe\u0301\ncaf\u00e9", ("caf\u00e9",)),
        ("a.txt", "汽车\nдерево\nشجرة\n🌳\nपेड़", ("汽车", "дерево", "شجرة", "🌳", "पेड़")),
        ("a.txt", "\n".join(f"w{i}" for i in range(10_000)), tuple(f"w{i}" for i in range(10_000))),
    ],
)
def test_vocabulary_of_a_file(
    name: str, content: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(content)
    found = parse_vocabulary(str(path))
    assert found is not None and found.words == words


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.txt", b"\n\n", "no words"),
        ("a.txt", b"\xff\xfe\x00", "UTF-8"),
        ("a.txt", b"a" * (1 << 20) + b"b", "1 MiB"),
        ("a.json", b"{", "not JSON"),
        ("a.json", b"[" * 100_000, "not JSON"),
        ("a.json", b'{"words": [1]}', "list of words"),
        ("a.json", b'"car"', "list of words"),
        ("a.json", b"[" + b"9" * 5000 + b"]", "not JSON"),
        ("a.txt", b"car\n" + b"b" * 10_000, r"a word of 10,000 characters \(bbb.*at most 200"),
        ("a.txt", b"car\x1b[31m\ntree", r"control characters in 'car\\x1b\[31m'; take them out"),
        ("a.txt", b"car\0tree", "control characters"),
        ("a.json", b'["car\\ud800"]', "control characters"),
        (
            "a.txt",
            b"".join(b"w%d\n" % i for i in range(10_001)),
            "10,001 words; give at most 10,000",
        ),
    ],
)
def test_bad_file_of_words_is_named(
    name: str, content: bytes, complaint: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError, match=complaint) as caught:
        parse_vocabulary(str(path))
    assert "\n" not in str(caught.value)
    assert name in str(caught.value) or "--vocabulary: " in str(caught.value)


def test_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"word": "Straße"})
    assert json.loads(path.read_text("utf-8")) == {"word": "Straße"}
    with pytest.raises(TypeError):
        write_json(path, {"word": object()})
    with pytest.raises(TypeError):
        write_bytes(path, "text")  # type: ignore[arg-type]
    assert json.loads(path.read_text("utf-8")) == {"word": "Straße"}
    assert [item.name for item in tmp_path.iterdir()] == ["a.json"]


def segmentation(score: float, label: int = 0) -> Segmentation:
    scan = Scan(np.zeros((4, 3)))
    return Segmentation(
        scan, np.full(4, label), np.full(4, score), Vocabulary.from_words(["car"]), "b",
        similarity=score if label >= 0 else None,
    )  # fmt: skip


def test_low_scores_are_said_so() -> None:
    assert "0.20" in low_score_note(segmentation(0.2), 0.5)
    assert low_score_note(segmentation(0.6), 0.5) == ""
    assert low_score_note(segmentation(0.2), None) == ""
    assert low_score_note(segmentation(0.0, label=-1), 0.5) == ""
    assert mean_score(segmentation(0.0, label=-1)) is None


def test_units_that_are_no_metres_are_said_so() -> None:
    points = np.random.default_rng(0).normal(0, 15, (500, 3))
    assert units_note(Scan(points)) == ""
    assert "metres?" in units_note(Scan(points * 1000))
    assert "metres?" in units_note(Scan(points / 1000))
    assert units_note(Scan(np.zeros((3, 3)))) == units_note(Scan(np.zeros((0, 3)))) == ""
    # A tile of a map is far from its frame's origin, not from its own middle.
    on_a_map = Scan(points, origin=np.array([4e5, 6e6, 0.0]))
    assert units_note(on_a_map) == ""
    assert "those of a map" in map_note(on_a_map) and map_note(Scan(points)) == ""


def test_exit_code_is_ours_if_any_fault_is() -> None:
    assert exit_code([]) == 0
    assert exit_code([UserError("a")]) == 2
    assert exit_code([UserError("a"), ValueError("b")]) == 1


def test_missing_part_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = (("worlds", ("numpy", "no_such_module"), "simulation"), *OPTIONAL_PARTS[1:])
    monkeypatch.setattr("avs3d.environment.OPTIONAL_PARTS", parts)
    with pytest.raises(UserError, match=r'no_such_module .*pip install "avs3d\[simulation\]"'):
        require("simulation")
    assert versions()["numpy"] == np.__version__
