"""Images and the cameras of scans: what is read, which belongs to which, what a bad one costs."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from avs3d import ReadError, Scan, UserError
from avs3d.cameras import find_rigs, images, pixels, read_cameras
from avs3d.cameras.calibration import read_calibration
from avs3d.cli.source_options import source_config
from avs3d.io import read
from avs3d.projection import project
from avs3d.views import camera_views
from camera_files import SIZE, describe, make_rig, write_image, write_rig
from commands import scan

AROUND = np.random.default_rng(0).uniform([-20, -20, -2], [20, 20, 3], (2000, 3))


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def noise(mode: str = "RGB") -> Image.Image:
    values = np.random.default_rng(1).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    return Image.fromarray(values).convert(mode)


def test_kinds_of_images_become_rgb(tmp_path: Path) -> None:
    whole = np.asarray(noise())
    for kind in ("PNG", "BMP", "WEBP", "JPEG"):
        path = tmp_path / f"a.{kind.lower()}"
        path.write_bytes(saved(noise(), kind, **({"lossless": True} if kind == "WEBP" else {})))
        found = pixels(path)
        assert found.shape == (48, 64, 3) and found.dtype == np.uint8
        assert kind == "JPEG" or (found == whole).all()
    for mode in ("L", "1", "P", "LA", "RGBA"):
        path = tmp_path / f"{mode}.png"
        path.write_bytes(saved(noise(mode), "PNG"))
        assert (pixels(path) == np.asarray(noise(mode).convert("RGB"))).all()
    path.write_bytes(saved(Image.new("CMYK", (8, 8), (255, 0, 0, 0)), "JPEG"))  # cyan
    assert np.abs(pixels(path)[0, 0].astype(int) - [0, 255, 255]).max() < 12
    assert pixels(whole) is whole


@pytest.mark.parametrize(("bits", "brightest"), [(16, 255), (12, 255), (8, 200), (0, 0)])
def test_sixteen_bits_keep_the_eight_that_are_used(
    tmp_path: Path, bits: int, brightest: int
) -> None:
    values = np.zeros((48, 64), np.uint16)
    values[3, 5] = {16: 65535, 12: 4095, 8: 200, 0: 0}[bits]
    values[4, 5] = values[3, 5] // 2
    Image.fromarray(values).save(tmp_path / "a.png")
    found = pixels(tmp_path / "a.png")
    assert found.shape == (48, 64, 3) and found[3, 5].tolist() == [brightest] * 3
    assert found[4, 5, 0] == brightest // 2 and found.sum() == 3 * (brightest + brightest // 2)


def test_images_are_turned_as_their_exif_entry_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "a.png").write_bytes(saved(noise(), "PNG", exif=exif))
    assert (pixels(tmp_path / "a.png") == np.rot90(np.asarray(noise()), -1)).all()


def header_of(width: int, height: int) -> bytes:
    """A PNG that promises so many pixels and has none."""
    chunks = struct.pack(">4sIIBBBBB", b"IHDR", width, height, 8, 2, 0, 0, 0), b"IDAT"
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in chunks
    )


JPEG, PNG = saved(noise(), "JPEG"), saved(noise(), "PNG")
CUT = "not a readable image file ("
LARGE = "has more than 50 megapixels{}; make it smaller, and scale its calibration"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such file"),
        (b"", "is empty (0 bytes); get the file again"),
        (b"hello", "is no readable JPEG, PNG, WebP or BMP; save it as one of them"),
        (saved(noise(), "TIFF"), "is no readable JPEG, PNG, WebP or BMP; save it as one of them"),
        (JPEG[:-200], CUT),
        (PNG[:-200], CUT),
        (saved(noise(), "BMP")[:-200], CUT),
        (saved(noise(), "WEBP")[:-200], CUT),
        (header_of(10_000, 10_000), LARGE.format(" (10000 x 10000)")),
        (header_of(60_000, 60_000), LARGE.format("")),
        (header_of(0, 5), "is no readable JPEG, PNG, WebP or BMP; save it as one of them"),
    ],
)
def test_what_is_no_image_is_said(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "a.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ReadError) as caught:
        pixels(path)
    assert str(caught.value).startswith(f"{path}: {said}") and str(caught.value).isprintable()


def test_too_many_bytes_are_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.png").open("wb") as file:
        file.truncate(300 << 20)
    with pytest.raises(ReadError, match="300.0 MiB are more than the 256.0 MiB .* smaller image"):
        pixels(tmp_path / "a.png")


@given(
    st.sampled_from([JPEG, PNG, saved(noise(), "WEBP"), saved(noise("P"), "BMP")]),
    st.integers(0, 5000),
    st.integers(0, 9),
    st.binary(max_size=9),
)
def test_damaged_images_give_pixels_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, start: int, count: int, put: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.img"
    start %= len(whole)
    path.write_bytes(whole[:start] + put + whole[start + count :])
    try:
        found = pixels(path)
    except ReadError as error:
        assert str(error).isprintable()
    else:
        assert found.ndim == 3 and found.shape[2] == 3 and found.dtype == np.uint8


def names(folder: Path, calibration: Path, *scans: str) -> list[dict[str, str]]:
    """Camera -> image of each scan, below the folder."""
    rigs = find_rigs(folder, calibration, [Path(name) for name in scans])
    return [
        {
            camera.name: Path(str(camera.image)).relative_to(folder).as_posix()
            for camera in rig.cameras
        }
        for rig in rigs
    ]


@pytest.mark.parametrize("place", ["{c}/{s}.jpg", "{s}/{c}.PNG", "{s}.{c}.webp"])
def test_images_of_many_scans_by_their_stems(tmp_path: Path, place: str) -> None:
    rig = write_rig(tmp_path / "rig.json", {"front": describe(), "front_left": describe(60)})
    expected = []
    for stem in ("000", "001"):
        found = {c: place.format(c=c, s=stem) for c in ("front", "front_left")}
        for path in found.values():
            (tmp_path / path).parent.mkdir(exist_ok=True)
            (tmp_path / path).touch()
        expected.append(found)
    assert names(tmp_path, rig, "x/000.pcd.bin", "y/001.ply.gz") == expected


def test_scans_that_are_called_alike_do_not_share_images(tmp_path: Path) -> None:
    write_image(tmp_path / "front" / "0.png")
    write_image(tmp_path / "front" / "1.png")
    rig = write_rig(tmp_path / "rig.json", {"front": describe()})
    scans = ["a/0.bin", "b/0.bin", "b/1.bin", "b/1.ply"]
    one = {"front": "front/1.png"}
    assert names(tmp_path, rig, *scans) == [{}, {}, one, one]
    for found in find_rigs(tmp_path, rig, [Path(name) for name in scans])[:2]:
        assert found.left_out == (
            f"camera front: {tmp_path}/front/0.png: is the image of several scans; make a run for"
            " each of their folders",
        )


@pytest.mark.parametrize("scale", [0.55, 2.0])
def test_images_of_another_size_than_an_untold_one_are_refused(
    tmp_path: Path, scale: float
) -> None:
    told = describe(file="front.png")
    del told["width"], told["height"]
    rig = write_rig(tmp_path / "rig.json", {"front": told})
    for size, cameras in ((SIZE, 1), (tuple(int(scale * side) for side in SIZE), 0)):
        write_image(tmp_path / "front.png", size)
        assert len(read_cameras(Scan(AROUND), tmp_path, rig).cameras) == cameras


def test_images_of_one_scan_by_their_cameras(tmp_path: Path) -> None:
    cameras = {"front": describe(), "left": describe(file="deep/1.jpg")}
    rig = write_rig(tmp_path / "rig.json", cameras)
    write_image(tmp_path / "front.jpg")
    assert names(tmp_path, rig, "a.bin") == [{"front": "front.jpg", "left": "deep/1.jpg"}]
    assert names(tmp_path, rig, "a.bin", "b.bin") == [{}, {}]
    write_rig(rig, cameras, lidar={"file": "b.pcd.bin"})
    assert names(tmp_path, rig, "a.bin", "b.bin") == [{}, {"left": "deep/1.jpg"}]


def test_a_folder_of_one_camera(tmp_path: Path) -> None:
    folder = tmp_path / "image_2"
    write_image(folder / "7.png")
    rig = write_rig(tmp_path / "rig.json", {"image_2": describe(), "image_3": describe()})
    assert names(folder, rig, "7.bin", "8.bin") == [{"image_2": "7.png"}, {}]
    one = write_rig(tmp_path / "one.json", {"any": describe()})
    assert names(folder, one, "7.bin", "8.bin") == [{"any": "7.png"}, {}]


def test_missing_and_twofold_images_are_said(tmp_path: Path) -> None:
    rig = write_rig(tmp_path / "rig.json", {"front": describe(), "left": describe()})
    for path in ("front.jpg", "a/front.png"):
        write_image(tmp_path / path)
    (found,) = find_rigs(tmp_path, rig, [Path("a.bin")])
    assert found.cameras == ()
    assert found.left_out == (
        f"camera front: {tmp_path}: has 2 images called front/a or a/front or a.front or front;"
        " there must be one",
        f"camera left: {tmp_path}: has no images called left/a or a/left or a.left or left;"
        " there must be one",
    )


def test_a_calibration_a_scan(tmp_path: Path) -> None:
    folder, rigs = tmp_path / "images", tmp_path / "calib"
    write_rig(rigs / "a.json", {"front": describe()})
    (rigs / "b.json").write_text("{")
    for name in "ab":
        write_image(folder / "front" / f"{name}.png")
    found = find_rigs(folder, rigs, [Path(f"{name}.bin") for name in "abc"])
    assert [len(rig.cameras) for rig in found] == [1, 0, 0]
    assert found[0].files == (rigs / "a.json", folder / "front" / "a.png")
    assert found[1].left_out[0].startswith(f"{rigs / 'b.json'}: is not JSON (")
    known = "(.json, .txt, .yaml, .yml)"
    assert found[2].left_out == (f"{rigs}: no calibration c.* {known}; add it",)


def test_kitti_without_any_image_is_said(tmp_path: Path) -> None:
    path = tmp_path / "calib.txt"
    path.write_text("P2: 9 0 3 0 0 9 2 0 0 0 1 0\nTr: 0 -1 0 0 0 0 -1 0 1 0 0 0\n")
    (found,) = find_rigs(tmp_path, path, [Path("7.bin")])
    assert found.left_out == (f"{tmp_path}: no image of 7 from image_2",)


def test_kitti_cameras_without_images_are_no_mistake(shared: Path) -> None:
    folder = shared / "data" / "kitti_object" / "training"
    path = folder / "velodyne" / "000001.bin"
    found = read_cameras(read(path, columns=4), folder, folder / "calib")
    assert [camera.name for camera in found.cameras] == ["image_2"] and found.left_out == ()
    assert found.cameras[0].size == (1242, 375)
    assert 15_000 < camera_views(found).sum() < 25_000


def test_points_in_kitti_s_boxes_lie_in_their_boxes_of_the_image(shared: Path) -> None:
    folder = shared / "data" / "kitti_object" / "training"
    found = read_cameras(
        read(folder / "velodyne" / "000001.bin", columns=4), folder, folder / "calib"
    )
    calibration = read_calibration(folder / "calib" / "000001.txt")
    rectified = calibration.cameras[0].camera_from_lidar  # the frame of the boxes
    points = found.points @ rectified[:3, :3].T + rectified[:3, 3]
    pixel = project(found.points, found.cameras[0])
    told = [line.split() for line in (folder / "label_2" / "000001.txt").read_text().splitlines()]
    boxes = [[float(value) for value in row[4:15]] for row in told if row[0] != "DontCare"]
    assert len(boxes) == 3
    for left, top, right, bottom, height, width, length, x, y, z, turn in boxes:
        across, down, ahead = (points - [x, y, z]).T
        along = across * np.cos(turn) - ahead * np.sin(turn)
        aside = across * np.sin(turn) + ahead * np.cos(turn)
        inside = (np.abs(along) < length / 2) & (np.abs(aside) < width / 2)
        inside &= (down < 0) & (down > -height)
        column, row = pixel.column[inside], pixel.row[inside]
        assert inside.sum() > 5
        assert left < column.min() and column.max() < right
        assert top < row.min() and row.max() < bottom


def test_cameras_of_the_nuscenes_sample_see_what_is_published(shared: Path, golden: Path) -> None:
    folder = shared / "data" / "nuscenes_sample"
    (path,) = folder.glob("*.pcd.bin")
    found = read_cameras(read(path), folder, folder / "sample.json")
    assert len(found.cameras) == 6 and found.left_out == ()
    assert found.cameras[0].timestamp == 1532402927637525000
    bits = np.packbits(camera_views(found), axis=1, bitorder="little")[:, 0]
    assert (bits == np.load(golden / "projection_nuscenes.npz")["half_camera_id_bits"]).all()


def test_bad_cameras_are_left_out_and_the_others_stay(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    bad = {
        "absent": "no such file",
        "cut": CUT,
        "empty": "is empty (0 bytes); get the file again",
        "sideways": "is 48 x 64, its calibration is for 64 x 48; give the image as it was"
        " calibrated",
        "small": "is 10 x 10, its calibration is for 64 x 48; give the image as it was calibrated",
        "sky": "shows no point of the scan; correct where its calibration puts it",
        "untold": "is 10 x 10, and the middle of its calibration (32, 24) is far from the image's;"
        " give it as it was calibrated, or a .json with width and height",
    }
    cameras = {name: describe(file=f"{name}.png") for name in [*bad, "good"]}
    up = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, -50], [0, 0, 0, 1]]
    cameras["sky"]["camera_from_lidar"] = up
    del cameras["untold"]["width"], cameras["untold"]["height"]
    for name in ("good", "sky"):
        write_image(folder / f"{name}.png")
    (folder / "cut.png").write_bytes(PNG[:-300])
    (folder / "empty.png").touch()
    for name in ("small", "untold"):
        write_image(folder / f"{name}.png", (10, 10))
    exif = Image.Exif()
    exif[0x0112] = 8
    (folder / "sideways.png").write_bytes(saved(noise(), "PNG", exif=exif))
    found = read_cameras(Scan(AROUND), folder, write_rig(tmp_path / "rig.json", cameras))
    assert [camera.name for camera in found.cameras] == ["good"]
    assert found.cameras[0].size == SIZE and len(found.left_out) == len(bad)
    for line, (name, said) in zip(found.left_out, sorted(bad.items()), strict=True):
        assert line.startswith(f"camera {name}: {folder / name}.png: {said}")


def test_cameras_of_a_scan_without_any_point(tmp_path: Path) -> None:
    folder, rig = make_rig(tmp_path)
    found = read_cameras(Scan(np.full((3, 3), np.nan)), folder, rig)
    assert found.cameras == () and len(found.left_out) == 3


def test_a_folder_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, rig = make_rig(tmp_path)

    def denied(path: object) -> list[str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.listdir", denied)
    with pytest.raises(UserError, match=r"--images .*: cannot be listed \(Permission denied\)"):
        find_rigs(folder, rig, [Path("a.bin")])
    with pytest.raises(UserError, match=r"--features .*: cannot be listed \(Permission denied\)"):
        source_config(True, features=str(folder))


def test_no_folder_of_images_and_no_calibration(tmp_path: Path) -> None:
    folder, rig = make_rig(tmp_path)
    with pytest.raises(UserError, match=r"--images .*gone: there is no such folder"):
        find_rigs(tmp_path / "gone", rig, [])
    with pytest.raises(ReadError, match=r"rigs.json: no such file; did you mean rig.json"):
        find_rigs(folder, tmp_path / "rigs.json", [])


def test_a_scan_of_a_file_keeps_what_it_is(tmp_path: Path) -> None:
    folder, rig = make_rig(tmp_path)
    whole = read(scan(tmp_path / "a.bin"), columns=4)
    found = read_cameras(whole, folder, rig)
    assert len(found.cameras) == 3
    assert replace(found, cameras=()).points is found.points
    np.testing.assert_array_equal(found.points, whole.points)
    assert images.EXTENSIONS == (".jpg", ".jpeg", ".png", ".webp", ".bmp")
