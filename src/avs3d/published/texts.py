"""Captions, vocabularies and LAVE mappings: JSON by the names of scenes, or of words."""

from __future__ import annotations

import difflib
import itertools
import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar

from avs3d.errors import ReadError, UserError
from avs3d.io.source import MalformedError, load, naming, show
from avs3d.published.saving import save
from avs3d.vocabulary import Vocabulary

T = TypeVar("T")
_MAX_BYTES = 64 << 20
"""The captions of all of nuScenes, 12 views of 34,149 key frames, are half of that."""
_OTHER = "give another file"
_COMPARED = 2000
"""Names that are looked through for near ones: more would take seconds, for every scan."""


@dataclass(frozen=True)
class ByScene(Generic[T]):
    """What a file says of many scenes.

    Attributes:
        path: the file.
        content: name of a scene -> what is said of it.
    """

    path: Path
    content: dict[str, T]

    def __contains__(self, scene: str) -> bool:
        return scene in self.content

    def of(self, scene: str) -> T:
        """What is said of one scene.

        Raises:
            UserError: nothing is; names the nearest ones.
        """
        if scene in self.content:
            return self.content[scene]
        raise UserError(
            f"{show(self.path)}: says nothing of {show(Path(scene))}; "
            f"{nearest(scene, self.content)}"
        )


def nearest(name: str, names: Collection[str]) -> str:
    """The remedy for a name that is not among others: the nearest of them."""
    if not names:
        return "it is empty"
    near = difflib.get_close_matches(name, itertools.islice(names, _COMPARED), n=3)
    if near:
        return f"did you mean {' or '.join(show(Path(other)) for other in near)}?"
    return f"it has {len(names)}, such as {show(Path(min(names)))}"


def read_captions(path: Path) -> ByScene[dict[str, str]]:
    """``{scene: {view: caption}}``, as ``smap_output_lidar_only_12_views.json`` and as our own.

    Raises:
        ReadError: the file is not like that.
    """
    content = read_json(path)
    if not _is_dict(content) or not all(_is_dict(views, str) for views in content.values()):
        raise ReadError(
            f"{show(path)}: holds no captions as {{scene: {{view: caption}}}}; {_OTHER}"
        )
    return ByScene(path, content)


def read_vocabularies(path: Path) -> ByScene[Vocabulary]:
    """``{scene: [words]}``; white space is trimmed, repeated words are dropped.

    Raises:
        ReadError: the file is not like that.
    """
    return vocabularies_from(path, read_json(path))


def vocabularies_from(path: Path, content: Any) -> ByScene[Vocabulary]:
    """The same from what `read_json` gave."""
    if not _is_dict(content, list):
        raise ReadError(f"{show(path)}: holds no vocabularies as {{scene: [words]}}; {_OTHER}")
    for scene, words in content.items():
        if not all(isinstance(word, str) for word in words):
            raise ReadError(
                f"{show(path)}: the words of {show(Path(scene))} are no list of texts; correct them"
            )
    words_of = {scene: Vocabulary.from_words(words) for scene, words in content.items()}
    return ByScene(path, words_of)


def merged(
    images: Mapping[str, Vocabulary], points: Mapping[str, Vocabulary]
) -> dict[str, Vocabulary]:
    """Words of the image captioner, then those that only the point captioner found, by scene."""
    none = Vocabulary(())
    return {
        scene: Vocabulary.merge(images.get(scene, none), points.get(scene, none))
        for scene in dict.fromkeys([*images, *points])
    }


def read_mapping(path: Path) -> dict[str, str]:
    """LAVE's ``{word: class}``; a word without a class has the class ``void``.

    Raises:
        ReadError: the file is not like that.
    """
    content = read_json(path)
    if not _is_dict(content, str):
        raise ReadError(f"{show(path)}: holds no mapping as {{word: class}}; {_OTHER}")
    return content


def write_captions(
    path: Path, captions: Mapping[str, Mapping[str, str]], *, overwrite: bool = False
) -> Path:
    """``{scene: {view: caption}}``. Raises `UserError`, see `save_plain`."""
    content = {scene: dict(views) for scene, views in captions.items()}
    if not all(_is_dict(views, str) for views in content.values()):
        raise ValueError("captions must be texts, by view, by scene")
    return _write(path, content, overwrite)


def write_vocabularies(
    path: Path, vocabularies: Mapping[str, Vocabulary], *, overwrite: bool = False
) -> Path:
    """``{scene: [words]}``. Raises `UserError`, see `save_plain`."""
    return _write(path, {scene: list(words) for scene, words in vocabularies.items()}, overwrite)


def write_mapping(path: Path, mapping: Mapping[str, str], *, overwrite: bool = False) -> Path:
    """``{word: class}``. Raises `UserError`, see `save_plain`."""
    if not _is_dict(content := dict(mapping), str):
        raise ValueError("classes must be texts, by word")
    return _write(path, content, overwrite)


def read_json(path: Path) -> Any:
    """JSON in UTF-8, without what JSON leaves open: repeated keys, NaN and infinities.

    Raises:
        ReadError: it is missing, too large, or not like that.
    """
    with naming(path):
        data = load(path)
        if len(data) > _MAX_BYTES:
            raise MalformedError("is larger than 64 MiB; split it by scenes")
        try:
            return json.loads(
                bytes(data).decode("utf-8-sig"),
                object_pairs_hook=_object,
                parse_constant=_no_number,
            )
        except UnicodeDecodeError:
            raise MalformedError("is no text; save it as JSON in UTF-8") from None
        except (ValueError, RecursionError) as error:
            raise MalformedError(f"is not JSON ({str(error)[:120]}); save it again") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise MalformedError(f"has {twice[:60]!a} twice; leave one out")
    return content


def _no_number(text: str) -> NoReturn:
    raise MalformedError(f"holds {text}, which JSON does not have; save it again")


def _is_dict(value: Any, of: type = dict) -> bool:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        return False
    return all(isinstance(item, of) for item in value.values())


def _write(path: Path, content: Any, overwrite: bool) -> Path:
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    # Half of a pair of UTF-16, which UTF-8 lacks, becomes what JSON writes for it.
    return save(path, text.encode("utf-8", "backslashreplace"), overwrite=overwrite)
