"""The project as a whole: what is promised in one place is so in the others."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import avs3d
import avs3d.datasets
from avs3d.io.facts import table

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = (ROOT / "pyproject.toml").read_text("utf-8")


def requirement_names() -> set[str]:
    lists = re.findall(
        r"^(?:dependencies|simulation|formats|chat|ros|viewer|recordings|training|fuzz|dev)"
        r" = \[(.*?)\]$",
        PYPROJECT,
        re.M | re.S,
    )
    names = re.findall(r'"([A-Za-z0-9_.-]+)(?:\[[a-z]+\])?[><=]', " ".join(lists))
    return {name.lower().replace("_", "-") for name in names}


def test_every_dependency_is_pinned() -> None:
    text = (ROOT / "constraints.txt").read_text("utf-8")
    pins = {name.lower().replace("_", "-") for name in re.findall(r"^([\w.-]+)==", text, re.M)}
    assert len(requirement_names()) > 15
    assert requirement_names() - pins == set()


def test_version_is_written_once() -> None:
    assert 'dynamic = ["version"]' in PYPROJECT
    assert not re.search(r"^version\b", PYPROJECT, re.M)
    assert f"version: {avs3d.__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"## {avs3d.__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


@pytest.mark.parametrize(
    "module",
    ["avs3d", "avs3d.io", "avs3d.cli", "avs3d.run", "avs3d.palette", "avs3d.published.scenes",
     "avs3d.published.smap", "avs3d.cameras", "avs3d.chat", "avs3d.captioning", "avs3d.vision",
     "avs3d.fusion", "avs3d.prepare", "avs3d.cli.view",
     *(f"avs3d.datasets.{kind}" for kind in avs3d.datasets.kinds())],
)  # fmt: skip
def test_light_rooms_import_nothing_heavy(module: str) -> None:
    heavy = "torch transformers sentence_transformers spacy matplotlib laspy plyfile embreex"
    heavy += " pyarrow pye57 DracoPy PIL yaml openai httpx2 rosbags viser rerun"
    code = f"import sys, {module}; print([n for n in {heavy.split()} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_make_has_the_promised_targets() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in ("demo", "test", "lint", "bench", "pictures"):
        assert re.search(rf"^{target}:", makefile, re.M), target
    assert "make lint test" in (ROOT / ".ci" / "run").read_text("utf-8")


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", *Path(ROOT, "docs").glob("*.md")])
def test_links_of_the_documentation_lead_somewhere(page: str | Path) -> None:
    path = ROOT / page
    for link in re.findall(r"\]\(([^)#\s]+)", path.read_text("utf-8")):
        if "://" not in link:
            assert (path.parent / link).exists(), f"{page}: {link}"


def test_the_table_of_formats_is_the_codes() -> None:
    page = (ROOT / "docs" / "files.md").read_text("utf-8")
    assert table() in page, "renew it with `python docs/formats_table.py`"


def test_commands_of_the_readme_exist() -> None:
    from typer.testing import CliRunner

    from avs3d.cli import app

    readme = (ROOT / "README.md").read_text("utf-8")
    commands = set(re.findall(r"^\s*avs3d ([a-z]+)(?: |$)", readme, re.M))
    assert {"segment", "view", "query", "caption"} <= commands
    for command in commands:
        assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0, command


def test_no_file_of_the_package_is_too_long_to_read() -> None:
    for path in (ROOT / "src").rglob("*.py"):
        assert len(path.read_text("utf-8").splitlines()) <= 400, path
