"""CLIP's vision tower: features of patches against the plain formulas, windows, refusals."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from transformers import AutoImageProcessor, CLIPModel

from avs3d import Camera, ReadError, UserError
from avs3d.vision import ClipVision, FeatureMap, load_pixel_features
from avs3d.vision.clip import LONGEST, ROWS, cells, starts
from tiny import make_clip

DIM = 24
SIDE, PATCH = 4, 4  # of the tiny tower: cells along its side, pixels of a cell
K = np.array([[40.0, 0, 32], [0, 40, 24], [0, 0, 1]])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip"), DIM, SIDE * PATCH)


@pytest.fixture(scope="module")
def whole(place: Path) -> CLIPModel:
    return CLIPModel.from_pretrained(place).eval()


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


def camera(image: np.ndarray | Path, size: tuple[int, int] | None = None) -> Camera:
    return Camera("front", image, K, np.eye(4), size)


@torch.no_grad()
def values(model: CLIPModel, window: torch.Tensor) -> torch.Tensor:
    """(cells, D): the last block is caught at its door, and the rest is written out."""
    tower, caught = model.vision_model, []
    last = tower.encoder.layers[-1]
    hook = last.register_forward_pre_hook(lambda _, given: caught.append(given[0]))
    tower(window[None], interpolate_pos_encoding=True)
    hook.remove()
    attention, x = last.self_attn, last.layer_norm1(caught[0])[0, 1:]
    value = x @ attention.v_proj.weight.T + attention.v_proj.bias
    out = value @ attention.out_proj.weight.T + attention.out_proj.bias
    found = tower.post_layernorm(out) @ model.visual_projection.weight.T
    return found / found.norm(dim=1, keepdim=True)


def slid(model: CLIPModel, pixels: torch.Tensor, side: tuple[int, int]) -> np.ndarray:
    """(h, w, D) of a (3, H, W) image, cell by cell."""
    shape = pixels.shape[1] // PATCH, pixels.shape[2] // PATCH
    sums, weights = np.zeros((*shape, DIM)), np.zeros((*shape, 1))
    for top in starts(shape[0], SIDE):
        for left in starts(shape[1], SIDE):
            rows, columns = (slice(at, at + n) for at, n in zip((top, left), side, strict=True))
            window = pixels[:, rows.start * PATCH : rows.stop * PATCH]
            found = values(model, window[:, :, columns.start * PATCH : columns.stop * PATCH])
            for i, feature in enumerate(found.numpy()):
                y, x = divmod(i, side[1])
                weight = np.prod(np.sin(np.pi * (np.array([y, x]) + 0.5) / side) ** 2)
                sums[top + y, left + x] += weight * feature
                weights[top + y, left + x] += weight
    return sums / weights


def scaled(place: Path, image: np.ndarray, height: int, width: int) -> torch.Tensor:
    """By hand: bicubic, then the folder's own mean, and the standard deviation of CLIP."""
    values = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))
    mean = json.loads((place / "preprocessor_config.json").read_text())["image_mean"]
    deviation = [0.26862954, 0.26130258, 0.27577711]
    return torch.tensor((values / 255 - mean) / deviation).float().permute(2, 0, 1)


def test_features_are_the_values_of_the_last_block(place: Path, whole: CLIPModel) -> None:
    image = noise(48, 64)
    found = ClipVision(str(place)).of(camera(image, (64, 48)))
    assert found.grid.shape == (24, 32, DIM) and found.grid.dtype == np.float32
    assert found.size == (64, 48)
    expected = slid(whole, scaled(place, image, 96, 128), (SIDE, SIDE))
    np.testing.assert_allclose(found.grid, expected, atol=2e-5)


def test_a_panorama_has_lower_windows_with_positions_between(place: Path, whole: CLIPModel) -> None:
    image = noise(4, 800)
    found = ClipVision(str(place)).of(camera(image)).grid
    assert found.shape == (1, 24 * LONGEST, DIM)
    expected = slid(whole, scaled(place, image, PATCH, 192 * PATCH), (1, SIDE))
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_a_tower_whose_attention_is_the_identity_and_without_residual(
    place: Path, whole: CLIPModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then transformers' own last block does what MaskCLIP does."""
    clip = ClipVision(str(place))
    model = clip._loaded[1]
    last = model.vision_model.encoder.layers[-1]

    def block(states: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
        given = last.layer_norm1(states)
        mask = torch.full((1, 1, states.shape[1], states.shape[1]), -torch.inf)
        mask[0, 0].fill_diagonal_(0)
        out: torch.Tensor = last.self_attn(given, attention_mask=mask)[0]
        return out

    window = torch.rand(2, 3, SIDE * PATCH, SIDE * PATCH)
    ours = clip._values(window)
    monkeypatch.setattr(last, "forward", block)
    with torch.no_grad():
        states = model.vision_model(window).last_hidden_state[:, 1:]
        theirs = model.visual_projection(model.vision_model.post_layernorm(states))
    torch.testing.assert_close(ours, torch.nn.functional.normalize(theirs, dim=-1))


def test_the_tower_is_whole_again_after_its_patches_were_asked(
    place: Path, whole: CLIPModel
) -> None:
    clip = ClipVision(str(place))
    clip.of(camera(noise(48, 64)))
    images = [noise(30, 50, 1), noise(8, 8, 2), noise(3, 200, 3)]
    found = clip.embeddings(images)
    processor = AutoImageProcessor.from_pretrained(place, backend="pil")
    for image, row in zip(images, found, strict=True):
        ready = processor(images=Image.fromarray(image), return_tensors="pt")
        with torch.no_grad():
            states = whole.vision_model(**ready).pooler_output
            expected = whole.visual_projection(states)[0].numpy()
        np.testing.assert_allclose(row, expected, atol=1e-5)
        assert abs(np.linalg.norm(row) - 1) > 1e-3  # as it leaves the model
    assert found.dtype == np.float32 and clip.embeddings([]).shape == (0, DIM)


def test_images_of_another_size_than_calibrated(place: Path, tmp_path: Path) -> None:
    clip, path = ClipVision(str(place)), tmp_path / "a.png"
    Image.fromarray(noise(48, 64)).save(path)
    said = "is 64 x 48, its calibration is for 640 x 480; give the image as it was calibrated"
    for image, name in ((path, str(path)), (noise(48, 64), "its image")):
        with pytest.raises(ReadError) as caught:
            clip.of(camera(image, (640, 480)))
        assert str(caught.value) == f"{name}: {said}"
    assert clip.of(camera(path)).size == (64, 48)
    path.write_bytes(b"no image")
    with pytest.raises(ReadError, match="is no readable JPEG"):
        clip.of(camera(path))


def test_another_width_is_refused_by_name(place: Path) -> None:
    assert load_pixel_features(f"clip:{place}", DIM).dim == DIM
    with pytest.raises(UserError) as caught:
        load_pixel_features(f"clip:{place}", 768)
    assert str(caught.value) == (
        f"pixel features 'clip:{place}' are 24 wide, the words of the text encoder 768: give the"
        " CLIP model whose text encoder is used"
    )


@pytest.mark.parametrize("spec", ["clip:", "gone", "openseg:here", ""])
def test_specs_that_are_none(spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as caught:
        load_pixel_features(spec, 4)
    assert f"pixel features {spec!r}: there is no such folder" in str(caught.value)


def test_models_that_are_none(place: Path, tmp_path: Path) -> None:
    from transformers import BertConfig, BertModel

    other = tmp_path / "bert"
    sizes = {"vocab_size": 30, "hidden_size": 16, "intermediate_size": 16}
    config = BertConfig(num_hidden_layers=1, num_attention_heads=2, **sizes)
    BertModel(config).save_pretrained(other)
    shutil.copy(place / "preprocessor_config.json", other)
    broken = tmp_path / "broken"
    shutil.copytree(place, broken)
    (broken / "model.safetensors").write_bytes(b"not weights")
    blind = tmp_path / "blind"
    shutil.copytree(place, blind)
    (blind / "preprocessor_config.json").unlink()
    for folder, why in (
        (other, "it is no CLIP with a vision tower, vision_model.embeddings.class_embedding is"),
        (broken, ""),
        (blind, "Can't load image processor"),
    ):
        with pytest.raises(UserError) as caught:
            load_pixel_features(f"clip:{folder}", DIM)
        said = str(caught.value)
        assert said.startswith(f"image encoder '{folder}' could not be loaded ({why}")
        assert said.isprintable()


@given(st.integers(1, 5000), st.integers(1, 5000), st.sampled_from([2, 7, 14, 16, 24]))
def test_cells_and_windows_cover_the_image(height: int, width: int, side: int) -> None:
    shape = cells((height, width), side)
    assert min(shape) >= 1 and max(shape) <= LONGEST * (ROWS + side)
    if max(height, width) <= LONGEST * min(height, width):
        assert min(shape) >= ROWS and min(shape) % side == 0
    for count in shape:
        found, window = starts(count, side), min(count, side)
        covered = {cell for start in found for cell in range(start, start + window)}
        assert covered == set(range(count)) and len(set(found)) == len(found)
        assert all(b - a <= max(side * 2 // 3, 1) for a, b in zip(found, found[1:], strict=False))


def enlarged(grid: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    channels = torch.from_numpy(grid.astype(np.float64)).permute(2, 0, 1)[None]
    out = torch.nn.functional.interpolate(channels, size=size[::-1], mode="bilinear")
    return out[0].permute(1, 2, 0).numpy()


@given(st.data())
def test_sampling_is_reading_the_enlarged_map(data: st.DataObject) -> None:
    h, w = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6))
    size = w * data.draw(st.integers(1, 9)) + data.draw(st.integers(0, 5)), h * 3
    grid = np.random.default_rng(h * w).normal(size=(h, w, 3)).astype(np.float32)
    row, column = (np.arange(n) for n in size[::-1])
    row, column = np.repeat(row, size[0]), np.tile(column, size[1])
    found = FeatureMap(grid, size).sample(column, row)
    np.testing.assert_allclose(found, enlarged(grid, size)[row, column], atol=1e-5)
    assert found.dtype == np.float32


def test_a_map_of_the_images_size_gives_the_pixel_itself() -> None:
    grid = np.random.default_rng(0).normal(size=(5, 7, 3)).astype(np.float16)
    grid[2, 3] = np.nan
    row, column = np.array([0, 4, 2, 2, 1, 3]), np.array([0, 6, 3, 2, 3, 3])
    found = FeatureMap(grid, (7, 5)).sample(column, row)
    np.testing.assert_array_equal(found, grid[row, column].astype(np.float32))
