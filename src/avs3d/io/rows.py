"""Results as tables, ``.csv`` and ``.parquet``, through pyarrow."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

from avs3d.environment import require
from avs3d.io.result import MARK, coordinates, given_columns, numeric
from avs3d.segmentation import Segmentation

if TYPE_CHECKING:
    import pyarrow as pa


def encode_csv(segmentation: Segmentation) -> bytes:
    """A line of names, then a line a point: ``x,y,z,label,score,word`` and the input's columns.

    ``x y z`` are metres in the file's coordinates; ``word`` is empty where ``label`` is -1.
    """
    table = _table(segmentation)
    from pyarrow import csv

    stream = io.BytesIO()
    csv.write_csv(table, stream)
    return stream.getvalue()


def encode_parquet(segmentation: Segmentation) -> bytes:
    """The same columns; ``word`` is a dictionary, null where ``label`` is -1. The metadata of the
    schema has the bundle and the words as JSON under "avs3d result"."""
    table = _table(segmentation)
    from pyarrow import parquet

    told = {"bundle": segmentation.bundle, "words": segmentation.vocabulary.words}
    stream = io.BytesIO()
    parquet.write_table(table.replace_schema_metadata({MARK: json.dumps(told)}), stream)
    return stream.getvalue()


def _table(segmentation: Segmentation) -> pa.Table:
    require("formats")
    import pyarrow as pa

    label = segmentation.label
    words = [word.encode("utf-8", "replace").decode() for word in segmentation.vocabulary.words]
    columns = dict(zip("xyz", coordinates(segmentation.scan).T, strict=True))
    columns |= {"label": label, "score": segmentation.score}
    given = given_columns(segmentation.scan, [*columns, "word"])
    index = pa.array(label, mask=label < 0)
    word = pa.DictionaryArray.from_arrays(index, pa.array(words, pa.string()))
    every = columns | {"word": word} | {name: numeric(value) for name, value in given.items()}
    return pa.table(every)
