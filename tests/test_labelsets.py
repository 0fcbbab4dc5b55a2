"""The label sets: whole in themselves, and the same facts as the reference."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from avs3d import labelsets
from avs3d.errors import UserError
from avs3d.simulation.categories import CATEGORIES
from commands import Call

SIZES = {
    "argoverse2": 30,
    "kitti": 8,
    "matterport-21": 21,
    "nuscenes-16": 16,
    "nuscenes-32": 32,
    "nuscenes-43": 43,
    "pandaset": 42,
    "pandaset-18": 18,
    "pandaset-34": 34,
    "scannet-20": 20,
    "scannet-200": 200,
    "semantickitti": 19,
    "semantickitti-25": 25,
    "semantickitti-48": 48,
    "street-91": 91,
}


def test_these_sets_are_there() -> None:
    assert labelsets.names() == tuple(sorted(SIZES))


@pytest.mark.parametrize("name", SIZES)
def test_a_set_is_whole(name: str) -> None:
    found = labelsets.load(name)
    assert len(found) == SIZES[name] == len(set(found.classes))
    assert found.colors.shape == (len(found), 3) and found.colors.dtype == np.uint8
    classes = set(range(len(found)))
    assert bool(found.raw_to_class) == bool(found.ids)
    if found.raw_to_class:
        assert set(found.raw_to_class.values()) - {255} == classes
    if found.export_ids:
        assert len(set(found.export_ids)) == len(found)
    if found.parent:
        parent = labelsets.load(found.parent)
        assert len(found.to_parent) == len(found)
        assert set(found.to_parent) - {255} == set(range(len(parent)))
    if found.detailed:
        assert labelsets.load(found.detailed).parent == name
    if found.groups:
        assert sorted(sum(found.groups.values(), ())) == sorted(found.classes)


def test_several_scans_of_semantickitti_tell_apart_what_moves() -> None:
    single, several = labelsets.load("semantickitti"), labelsets.load("semantickitti-25")
    raw = np.array(list(several.raw_to_class))
    classes = several.to_classes(raw)
    known = classes != 255
    parents = np.array(several.to_parent)[classes[known]]
    np.testing.assert_array_equal(parents, single.to_classes(raw[known]))
    assert (single.to_classes(raw[~known]) == 255).all()
    assert several.classes[several.to_classes(np.array([252]))[0]] == "moving car"
    assert several.classes[several.to_classes(np.array([258]))[0]] == "moving truck"
    assert several.classes[several.to_classes(np.array([257]))[0]] == "moving other vehicle"


def test_the_command_lists_and_tells(call: Call) -> None:
    listed = call("labelsets").stdout
    assert all(name in listed for name in SIZES)
    told = call("labelsets", "nuscenes-16", "scannet-200").stdout
    assert "#dcdc00" in told and "9 movable_object.barrier" in told and "tail" in told
    assert "ignored: 0 noise, 1 animal" in told and "detailed names: nuscenes-43" in told
    assert "caravan" in (told := call("labelsets", "semantickitti-48").stdout)
    assert "in semantickitti" in told and "raw ids" not in told
    failed = call("labelsets", "nuscenes-17")
    assert failed.exit_code == 2 and "nuscenes-16" in failed.stderr


@pytest.mark.parametrize(
    "name", ["semantickitti", "semantickitti-25", "scannet-20", "scannet-200", "pandaset"]
)
def test_what_is_exported_reads_back_as_the_class(name: str) -> None:
    found = labelsets.load(name)
    np.testing.assert_array_equal(found.to_classes(np.array(found.export_ids)), range(len(found)))


def test_raw_ids_to_classes() -> None:
    kitti = labelsets.load("semantickitti")
    raw = np.array([[10, 252, 0], [99, 7, 70_000]], dtype=np.uint32)
    classes = kitti.to_classes(raw)
    assert classes.dtype == np.uint8 and classes.tolist() == [[0, 0, 255], [255, 255, 255]]
    assert kitti.classes[0] == "car" and kitti.raw_names[252] == "moving-car"
    assert kitti.to_classes(np.array([-1, 81])).tolist() == [255, 18]
    nuscenes = labelsets.load("nuscenes-16")
    assert nuscenes.classes[nuscenes.to_classes(np.array([17]))[0]] == "car"
    assert nuscenes.to_classes(np.array([31]))[0] == 255
    assert (labelsets.load("nuscenes-43").to_classes(np.arange(5)) == 255).all()


@pytest.mark.parametrize("name", ["nuscenes", "semantic_kitti", "../secret", ""])
def test_an_unknown_set_offers_names(name: str) -> None:
    with pytest.raises(UserError, match="no label set .*; there are .*[a-z]"):
        labelsets.load(name)


def test_same_facts_as_the_reference(shared: Path) -> None:
    facts = json.loads((shared / "reference/labelsets.json").read_text())
    nuscenes, kitti = facts["nuscenes"], facts["semantic_kitti"]
    n16, n32 = labelsets.load("nuscenes-16"), labelsets.load("nuscenes-32")
    n43 = labelsets.load("nuscenes-43")
    assert list(n16.classes) == nuscenes["classes_16"]
    assert [n16.raw_to_class[i] for i in range(32)] == nuscenes["lidarseg_index_to_16"]
    assert n16.colors.tolist() == [nuscenes["colors_16"][str(i)] for i in n16.export_ids]
    assert list(n32.classes) == nuscenes["lidarseg_32"] == list(n16.raw_names.values())
    assert list(n32.to_parent) == nuscenes["lidarseg_index_to_16"]
    assert list(n43.classes) == nuscenes["detailed_43"]
    assert list(n43.to_parent) == nuscenes["detailed_to_16"]
    sk = labelsets.load("semantickitti")
    for raw, train in kitti["learning_map"].items():
        assert sk.raw_to_class[int(raw)] == (train - 1 if train else 255)
    for index, raw in enumerate(sk.export_ids):
        assert kitti["learning_map_inv"][str(index + 1)] == raw
        assert sk.classes[index] == kitti["labels"][str(raw)].replace("-", " ")
        assert sk.colors[index].tolist() == kitti["color_map_bgr"][str(raw)][::-1]
    for name, key, ids in (("scannet-20", "scannet", "valid_nyu40_ids_20"),
                           ("scannet-200", "scannet200", "valid_ids_200")):  # fmt: skip
        found, size = labelsets.load(name), name.split("-")[1]
        assert list(found.classes) == facts[key][f"classes_{size}"]
        assert list(found.export_ids) == facts[key][ids]
        colors = facts[key][f"colors_{size}"]
        assert found.colors.tolist() == [colors[str(i)] for i in found.export_ids]
    groups = labelsets.load("scannet-200").groups
    assert {k: list(v) for k, v in groups.items()} == {
        k: facts["scannet200"][k] for k in ("head", "common", "tail")
    }
    assert list(labelsets.load("matterport-21").classes) == facts["matterport"]["classes_21"]


def test_pandaset_names_those_of_the_sample(shared: Path) -> None:
    classes = json.loads((shared / "data/pandaset/frame20.json").read_text())["classes"]
    found = labelsets.load("pandaset")
    assert {str(i): found.classes[c] for i, c in found.raw_to_class.items()} == classes


def test_simulated_worlds_have_the_classes_of_their_categories() -> None:
    found = labelsets.load("street-91")
    assert found.classes == CATEGORIES
    assert found.to_classes(np.array([0, 90, 255])).tolist() == [0, 90, 255]


def test_pandaset_18_puts_classes_together() -> None:
    whole, few = labelsets.load("pandaset"), labelsets.load("pandaset-18")
    together: dict[str, list[str]] = {name: [] for name in few.classes}
    for raw, index in whole.raw_to_class.items():
        if few.raw_to_class[raw] != 255:
            together[few.classes[few.raw_to_class[raw]]].append(whole.classes[index])
    assert together["truck"] == ["Medium-sized Truck", "Semi-truck"]
    assert together["traffic cone"] == ["Pylons", "Cones"]
    assert all(together.values())


def test_labels_of_the_real_scans_are_classes(shared: Path) -> None:
    raw = np.fromfile(shared / "data/semantickitti/sequences/00/labels/000000.label", "<u4")
    share = np.mean(labelsets.load("semantickitti").to_classes(raw & 0xFFFF) != 255)
    assert share > 0.9
    raw = np.fromfile(shared / "data/nuscenes_lidarseg/08/lidarseg.bin", np.uint8)
    assert set(np.unique(labelsets.load("nuscenes-16").to_classes(raw))) <= {*range(16), 255}
