"""Options that several commands share, and what their values mean."""

from __future__ import annotations

import difflib
import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from avs3d import labelsets
from avs3d.errors import UserError
from avs3d.io import WRITERS, encode
from avs3d.io.result import UnwritableError
from avs3d.jobs import BatchConfig
from avs3d.published.texts import ByScene, read_captions, read_json, vocabularies_from
from avs3d.scan import Scan
from avs3d.segmentation import Segmentation
from avs3d.vocabulary import Vocabulary

RESULTS = Path("avs3d-results")
_MAX_VOCABULARY_BYTES = 1 << 20
_MAX_WORDS = 10_000
_MAX_WORD = 200  # characters
_ALIKE = 0.82  # nuscenes is meant for nuscenes-16, but street is a word

Inputs = Annotated[
    list[str], typer.Argument(help="Scans: files, folders or globs.", show_default=False)
]
Bundle = Annotated[
    str,
    typer.Option("--bundle", "-b", help="A packaged name (avs3d bundles), a folder, or a hub id."),
]
Views = Annotated[
    str | None,
    typer.Option(
        "--views",
        metavar="N",
        help="How many sectors of the scan are described by a sentence; or cameras: what each sees;"
        " or squares of half a metre (rooms).",
        show_default="the bundle's",
    ),
]
Columns = Annotated[
    str | None,
    typer.Option(
        "--columns",
        help="Columns of .bin and .npy rows, and of text whose header has no x, y, z: 3, 4, 5, 6,"
        " or names such as x,y,z,time,intensity.",
        show_default="guessed, refused where it is not clear",
    ),
]
Device = Annotated[
    str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.", metavar="DEVICE")
]
Out = Annotated[
    Path, typer.Option("--out", "-o", help="Folder for the results, made when missing.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace results that are there.")]
Words = Annotated[
    str | None,
    typer.Option(
        "--vocabulary",
        "-v",
        help='Only these words: "car, road, …", a file of words, or a label set '
        "(semantickitti, nuscenes-16, …); JSON {scene: [words]}: each scan its own.",
        show_default="the scan's own words",
    ),
]
MinScore = Annotated[
    float | None,
    typer.Option(
        "--min-score",
        min=0.0,
        max=1.0,
        help="Leave points with a lower score unlabelled.",
        show_default="none",
    ),
]
JobCount = Annotated[
    int, typer.Option("--jobs", "-j", min=1, max=256, help="So many scans at the same time.")
]
Queries = Annotated[
    list[str] | None,
    typer.Option(
        "--query",
        metavar="WORDS",
        help="How similar each point is to these words is written, too, to .rrd and .mcap; may"
        " be given again.",
        show_default=False,
    ),
]
Report = Annotated[
    bool,
    typer.Option(
        "--report",
        help="Write a page for every scan, .html, to send to somebody; for several also run.html.",
    ),
]
Seed = Annotated[
    int,
    typer.Option("--seed", min=0, max=2**63 - 1, help="Of whatever is drawn at random."),
]
Quietly = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
Json = Annotated[
    bool, typer.Option("--json", help="Lines of JSON: an object a scan, then one for all.")
]

CLOUDS = {end.lstrip("._"): end for end in WRITERS}
"""What `--write` takes -> a key of `WRITERS`."""
Write = Annotated[
    list[str] | None,
    typer.Option(
        "--write",
        "-w",
        help=f"What labelled clouds are written as, with commas between: {', '.join(CLOUDS)}.",
        show_default="npz,ply",
    ),
]


def parse_formats(
    given: list[str] | None, words: Vocabulary | ByScene[Vocabulary] | None
) -> tuple[str, ...]:
    """Keys of `WRITERS` for what `--write` names, each once.

    Raises:
        UserError: a format that there is not, or that can hold no result with these words.
    """
    if not given:
        return BatchConfig.write
    names = [name.strip().lower().lstrip("._") for item in given for name in item.split(",")]
    for name in names:
        if name not in CLOUDS:
            raise UserError(
                f"--write {name}: no such format; there are {', '.join(CLOUDS)}"
                + (" (--no-picture leaves out the picture)" if name == "png" else "")
            )
    if isinstance(words, ByScene):
        words = Vocabulary.merge(*words.content.values())
    ends = tuple(dict.fromkeys(CLOUDS[name] for name in names))
    for end in ends:  # rather than after hours of work
        try:
            encode(_nothing(words), end)
        except UnwritableError as error:
            raise UserError(f"--write {end.lstrip('._')}: {error}") from None
    return ends


def parse_queries(given: list[str] | None, ends: tuple[str, ...]) -> tuple[str, ...]:
    """What to ask of every scan.

    Raises:
        UserError: what is no query, or nothing is written that has room for the answers.
    """
    queries = Vocabulary.from_words(given or ()).words
    if given and not set(ends) & {".rrd", ".mcap"}:
        raise UserError("--query: its answers are written to .rrd and .mcap; give --write rrd")
    for text in queries:
        check_query("--query", text)
    return queries


def check_query(option: str, text: str) -> None:
    """Raise `UserError` where a text is too long to ask for, or has control characters."""
    if len(text) > _MAX_WORD:
        raise UserError(f"{option}: has {len(text):,} characters; give at most {_MAX_WORD}")
    _check_characters(option, text)


def _nothing(words: Vocabulary | None) -> Segmentation:
    """A result without points."""
    import numpy as np

    none = np.zeros(0)
    words = words or Vocabulary.from_words(["the scan's own words"])
    return Segmentation(Scan(np.zeros((0, 3))), none, none, words, "")


def parse_vocabulary(text: str | None) -> Vocabulary | ByScene[Vocabulary] | None:
    """Words with commas between them, the path of a file of words, or the name of a label set.

    A file has a word a line (or commas), or is JSON: a list of words, one of our own
    ``STEM.vocabulary.json``, or the published ``{scene: [words]}``.

    Raises:
        UserError: a file that is not there or not like that, no words, or a single one that is
            all but the name of a label set.
    """
    if text is None:
        return None
    path = Path(os.path.expanduser(text))
    is_path = "," not in text and (os.sep in text or path.suffix in (".txt", ".json", ".csv"))
    if is_path or os.path.isfile(path):  # which no name is too long for
        if path.suffix.lower() == ".json":
            return _vocabulary_of_json(path)
        words = _words_of_file(path)
    elif text in labelsets.names():
        words = list(labelsets.load(text).classes)
    else:
        words = text.split(",")
        near = difflib.get_close_matches(text.lower(), labelsets.names(), 3, _ALIKE)
        if near and len(words) == 1:
            raise UserError(
                f"--vocabulary {text}: did you mean the label set {' or '.join(near)}? If it is a"
                " word, put a comma behind it"
            )
    return _vocabulary(words, text)


def _vocabulary_of_json(path: Path) -> Vocabulary | ByScene[Vocabulary]:
    content = read_json(path)
    if isinstance(content, dict) and "words" not in content:
        told = vocabularies_from(path, content)
        return ByScene(path, {scene: _checked(words) for scene, words in told.content.items()})
    words = content.get("words") if isinstance(content, dict) else content
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise UserError(
            f'{path} must be a JSON list of words, have one under "words", or be {{scene: [words]}}'
        )
    return _vocabulary(words, str(path))


def parse_captions(path: Path | None) -> ByScene[dict[str, str]] | None:
    """Captions by scene, each on one line.

    Raises:
        UserError: a file that is not there or not like that, or control characters.
    """
    if path is None:
        return None
    told = read_captions(path)
    captions = {
        scene: {view: " ".join(text.split()) for view, text in views.items()}
        for scene, views in told.content.items()
    }
    for views in captions.values():
        for text in (text for pair in views.items() for text in pair):
            _check_characters("--captions", text)
    return ByScene(path, captions)


def _vocabulary(words: Iterable[str], given: str) -> Vocabulary:
    vocabulary = _checked(Vocabulary.from_words(words))
    if not len(vocabulary):
        raise UserError(f'--vocabulary {given!r} has no words; give for example "car, road, tree"')
    return vocabulary


def _checked(vocabulary: Vocabulary) -> Vocabulary:
    """The words in one form of Unicode, and within bounds."""
    words = Vocabulary.from_words(unicodedata.normalize("NFC", word) for word in vocabulary).words
    if len(words) > _MAX_WORDS:
        raise UserError(f"--vocabulary: {len(words):,} words; give at most {_MAX_WORDS:,}")
    for word in words:
        if len(word) > _MAX_WORD:
            raise UserError(
                f"--vocabulary: a word of {len(word):,} characters ({word[:20]}…); give at most "
                f"{_MAX_WORD}, and commas or line breaks between words"
            )
        _check_characters("--vocabulary", word)
    return Vocabulary.from_words(words)


def _check_characters(option: str, text: str) -> None:
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise UserError(f"{option}: control characters in {ascii(text[:200])}; take them out")


def _words_of_file(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_VOCABULARY_BYTES + 1)
        if len(data) > _MAX_VOCABULARY_BYTES:
            raise UserError(f"{path} is larger than 1 MiB: not a list of words")
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise UserError(
            f"{path}: no vocabulary can be read there ({error.strerror}); give a file of words, "
            "or the words with commas between them"
        ) from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not a text file; save it as UTF-8, one word a line") from None
    return text.replace("\r", "\n").replace("\n", ",").split(",")
