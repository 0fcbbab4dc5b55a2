"""The training loop resumes exactly, words of a category are never pushed away, samples repeat."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avs3d.bundle_config import ScoreConfig
from avs3d.errors import UserError
from avs3d.models.minkunet import MinkUNet
from avs3d.models.smap import SparseMaskedAttentionPooling
from avs3d.segmenter import chances
from avs3d.simulation import CATEGORIES, CATEGORY_ID
from avs3d.simulation.dataset import generate, load, save
from avs3d.simulation.words.lexicon import lexicon
from avs3d.training.calibration import calibration_error, fit_chances
from avs3d.training.loop import Habits, Schedule, fit
from avs3d.training.samples import STRANGE, SampleMaker
from avs3d.training.scores import auc
from avs3d.training.simulated_views import pooled_views
from avs3d.training.simulated_words import category_weights
from avs3d.training.smap import average_precision, view_losses
from avs3d.training.strange import make_strange
from avs3d.training.words import WordLoss

SCHEDULE = Schedule(steps=30, lr=0.05, warmup=3)


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))


def step(module: nn.Module, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
    x = torch.from_numpy(rng.normal(size=(16, 4)).astype(np.float32))
    loss = (module(x)[:, 0] - x.sum(1)).pow(2).mean()
    return loss, {"mean": float(x.mean())}


def test_it_learns_and_logs(tmp_path: Path) -> None:
    fit(model(), step, SCHEDULE, tmp_path, habits=Habits(log_every=10))
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [10, 20, 30]
    assert rows[-1]["loss"] < rows[0]["loss"]


def test_a_killed_run_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    whole, part = model(), model()
    fit(whole, step, SCHEDULE, tmp_path / "whole", habits=Habits(save_every=7))
    script = textwrap.dedent(
        f"""
        import os, signal, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        from test_training import SCHEDULE, Habits, fit, model, step
        count = 0
        def dying(module, rng):
            global count
            count += 1
            if count == 18:
                os.kill(os.getpid(), signal.SIGKILL)
            return step(module, rng)
        fit(model(), dying, SCHEDULE, Path({str(tmp_path / "part")!r}), habits=Habits(save_every=7))
        """
    )
    killed = subprocess.run([sys.executable, "-c", script], capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    fit(part, step, SCHEDULE, tmp_path / "part", habits=Habits(save_every=7))
    for one, other in zip(whole.state_dict().values(), part.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path) -> None:
    fit(model(), step, SCHEDULE, tmp_path)
    with pytest.raises(UserError, match="another schedule"):
        fit(model(), step, Schedule(steps=31, lr=0.05), tmp_path)
    with pytest.raises(UserError, match="another model"):
        fit(nn.Linear(4, 1), step, SCHEDULE, tmp_path)


def fake_embed(words: list[str]) -> np.ndarray:
    """A fixed random direction per word, so that no text encoder is needed."""
    rows = [np.random.default_rng(list(word.encode())).normal(size=64) for word in words]
    out = np.array(rows, np.float32)
    return out / np.linalg.norm(out, axis=1, keepdims=True)


def test_words_of_the_category_are_not_pushed_away() -> None:
    loss, rng = WordLoss(lexicon(), fake_embed, pull=0.0), np.random.default_rng(0)
    category = torch.full((1,), CATEGORY_ID["tree"])
    own = torch.from_numpy(fake_embed(["tree"]))
    other = torch.from_numpy(fake_embed(["car"]))
    assert loss(own, category, rng) < loss(other, category, rng)
    features = own.clone().requires_grad_()
    WordLoss(lexicon(), fake_embed)(features, category, np.random.default_rng(1)).backward()
    assert features.grad is not None and torch.isfinite(features.grad).all()


def test_other_words_of_the_category_are_no_rivals() -> None:
    tree = CATEGORY_ID["tree"]

    def alike(words: list[str]) -> np.ndarray:
        """All words that name trees in one place."""
        rows = fake_embed(words)
        rows[[tree in lexicon().names(word) for word in words]] = fake_embed(["tree"])
        return rows

    def loss(embed: Callable[[list[str]], np.ndarray], general_weight: float) -> float:
        found = WordLoss(lexicon(), embed, pull=0.0, general_weight=general_weight)
        category = torch.full((1,), tree)
        return float(found(torch.from_numpy(embed(["tree"])), category, np.random.default_rng(0)))

    assert loss(alike, 1.0) - loss(alike, 0.0) < 0.01, "a general word need not beat the nouns"
    nouns = set(lexicon().nouns["tree"])

    def nouns_alike(words: list[str]) -> np.ndarray:
        rows = fake_embed(words)
        rows[[word in nouns for word in words]] = fake_embed(["tree"])
        return rows

    assert loss(nouns_alike, 0.0) < 0.01, "nor a noun itself"


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return generate(tmp_path_factory.mktemp("scans"), 2, start_seed=5)


def test_samples_repeat_and_are_whole(scans: list[Path]) -> None:
    maker = SampleMaker(scans, ("one", "height", "intensity"), 0.3, max_voxels=3000)
    one, again = (maker(np.random.default_rng(3)) for _ in range(2))
    assert torch.equal(one.x.features, again.x.features)
    assert torch.equal(one.x.level.coords, again.x.level.coords)
    assert len(one.category) == len(one.points) == len(one.instance) <= 3001
    assert int(one.category.max()) < len(CATEGORIES)
    assert torch.isfinite(one.x.features).all()


def test_rare_categories_weigh_more(scans: list[Path]) -> None:
    weights = category_weights(scans)
    assert weights.shape == (len(CATEGORIES),)
    assert weights[CATEGORY_ID["dog"]] > weights[CATEGORY_ID["road"]]


def test_pooled_views_have_true_captions(scans: list[Path]) -> None:
    maker = SampleMaker(scans, ("one", "height"), 0.3, max_voxels=3000)
    torch.manual_seed(0)
    network = MinkUNet(2, 32, (8,) * 8, (1,) * 8, stem=8, stem_kernel=3).eval()
    pooling = SparseMaskedAttentionPooling(32, 16, 24, heads=2).eval()
    texts, embeddings = pooled_views(pooling, network, maker, scans=2, captions=3)
    assert embeddings.shape == (len(texts), 24) and np.isfinite(embeddings).all()
    assert all(1 <= len(captions) <= 3 for captions in texts)
    sample = maker(np.random.default_rng([0, 0]))
    present = set(sample.category.tolist())
    for caption in (text for captions in texts[:3] for text in captions):
        words = lexicon().find(caption)
        assert any(lexicon().names(word) & present for word in words), caption


def test_scans_of_nothing_are_passed_over(scans: list[Path], tmp_path: Path) -> None:
    scan = load(scans[0])
    few = np.arange(20)
    arrays = {k: getattr(scan, k)[few] for k in ("points", "intensity", "ring", "category")}
    empty = tmp_path / "scan_000000.npz"
    save(replace(scan, **arrays, instance=scan.instance[few]), empty)
    near = tmp_path / "scan_000001.npz"  # enough points, but all in one place
    save(replace(scan, points=scan.points * np.float32(0.001)), near)
    far = tmp_path / "scan_000002.npz"
    save(replace(scan, points=scan.points + np.float32([500, 0, 0])), far)
    maker = SampleMaker([empty, near, far, scans[0]], ("one",), 0.3, max_voxels=3000)
    assert all(len(maker(np.random.default_rng(seed)).points) > 100 for seed in range(12))
    with pytest.raises(UserError, match="all but empty"):
        SampleMaker([empty, near, far], ("one",), 0.3)(np.random.default_rng(0))


def test_strange_clouds_are_finite_and_no_larger(scans: list[Path]) -> None:
    points = load(scans[0]).points
    for seed in range(20):
        strange = make_strange(points, np.random.default_rng(seed))
        assert strange.dtype == np.float32 and 0 < len(strange) <= len(points)
        assert np.isfinite(strange).all()


def test_what_has_no_word_is_rejected_not_learned(scans: list[Path]) -> None:
    maker = SampleMaker(scans, ("one", "height"), 0.3, max_voxels=3000, strange=1.0)
    assert set(maker(np.random.default_rng(0)).category.tolist()) == {STRANGE}


def chance(config: ScoreConfig, cosine: np.ndarray, lead: np.ndarray) -> np.ndarray:
    return chances(config, torch.from_numpy(cosine), torch.from_numpy(lead)).numpy()


def test_chances_are_what_happened() -> None:
    rng = np.random.default_rng(0)
    cosine, lead = rng.uniform(0, 0.6, 20_000), rng.uniform(0, 0.4, 20_000)
    truth = ScoreConfig(cosine=5.0, lead=10.0, bias=-3.0)
    right = rng.random(20_000) < chance(truth, cosine, lead)
    found = fit_chances(cosine, lead, right)
    assert found.lead == pytest.approx(10, rel=0.15) and found.bias == pytest.approx(-3, rel=0.15)
    assert calibration_error(chance(found, cosine, lead), right) < 0.02
    assert calibration_error(np.full(20_000, 0.99), right) > 0.2
    halves = np.repeat([0.2, 0.8], 5), np.array([1, 1, 0, 0, 0, 1, 1, 1, 0, 0]) > 0
    assert calibration_error(*halves) == pytest.approx(0.2), "gaps of two signs do not cancel"
    never = fit_chances(cosine, lead, np.zeros(20_000, bool))
    assert chance(never, cosine, lead).max() < 0.2


def test_embeddings_of_views_are_compared_both_ways() -> None:
    rng = torch.Generator().manual_seed(0)
    found, target = torch.randn(3, 8, generator=rng), torch.randn(3, 8, generator=rng)
    logits = F.normalize(found, dim=1) @ F.normalize(target, dim=1).T / 0.1
    ways = [F.cross_entropy(one, torch.arange(3), reduction="none") for one in (logits, logits.T)]
    torch.testing.assert_close(view_losses(found, target, "infonce", 0.1), (ways[0] + ways[1]) / 2)


def test_average_precision_of_a_ranking() -> None:
    there = np.array([True, False, True])
    assert average_precision(np.array([0.9, 0.5, 0.1]), there) == pytest.approx(5 / 6)


def test_auc_counts_pairs() -> None:
    score = torch.tensor([0.1, 0.4, 0.35, 0.8])
    assert auc(score, torch.tensor([False, False, True, True])) == pytest.approx(0.75)
