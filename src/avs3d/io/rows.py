"""Results as tables: ``.csv``, and ``.parquet`` through pyarrow."""

from __future__ import annotations

import csv
import io
import json

import numpy as np

from avs3d.environment import missing_modules
from avs3d.io.result import MARK, UnwritableError, coordinates, given_columns, numeric
from avs3d.segmentation import Segmentation

_WORD = "word"


def encode_csv(segmentation: Segmentation) -> bytes:
    """A line of names, then a line a point: ``x,y,z,label,score,word`` and the input's columns.

    ``x y z`` are metres in the file's coordinates; ``word`` is empty where ``label`` is -1.
    """
    words = np.array([*_words(segmentation), ""], dtype=object)
    columns = _columns(segmentation)
    # The shortest digits that tell a number from its neighbours of the same type.
    texts = {name: value.astype(str) for name, value in columns.items() if name != _WORD}
    texts[_WORD] = words[segmentation.label]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(texts[name] for name in columns), strict=True))
    return stream.getvalue().encode("utf-8")


def encode_parquet(segmentation: Segmentation) -> bytes:
    """The same columns; ``word`` is a dictionary, null where ``label`` is -1. The metadata of the
    schema has the bundle and the words as JSON under "avs3d result"."""
    if missing_modules(("pyarrow",)):
        raise UnwritableError('.parquet needs pyarrow; run `pip install "avs3d[formats]"`')
    import pyarrow as pa
    from pyarrow import parquet

    columns = _columns(segmentation)
    index = pa.array(columns[_WORD], mask=columns[_WORD] < 0)
    words = pa.array(_words(segmentation), pa.string())
    columns[_WORD] = pa.DictionaryArray.from_arrays(index, words)
    told = {"bundle": segmentation.bundle, "words": segmentation.vocabulary.words}
    table = pa.table(columns).replace_schema_metadata({MARK: json.dumps(told)})
    stream = io.BytesIO()
    parquet.write_table(table, stream)
    return stream.getvalue()


def _columns(segmentation: Segmentation) -> dict[str, np.ndarray]:
    """Every column in its order; for the words their numbers, -1 for none."""
    columns = dict(zip("xyz", coordinates(segmentation.scan).T, strict=True))
    label = segmentation.label
    columns |= {"label": label, "score": segmentation.score, _WORD: label}
    given = given_columns(segmentation.scan, columns)
    return columns | {name: numeric(value) for name, value in given.items()}


def _words(segmentation: Segmentation) -> list[str]:
    """The words, as far as UTF-8 can write them."""
    return [word.encode("utf-8", "replace").decode() for word in segmentation.vocabulary.words]
