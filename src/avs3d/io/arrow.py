"""``.feather`` and ``.parquet`` through pyarrow, in a process of its own: numeric columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from avs3d.io.apart import call, limit_memory
from avs3d.io.columns import Table
from avs3d.io.facts import Facts
from avs3d.io.result import MARK
from avs3d.io.source import MalformedError, check_expansion, damaged, require

FACTS = Facts(
    "Feather 2 (Arrow), Parquet",
    "every column of numbers",
    "extra `formats`; Argoverse 2 sweeps",
)

_LONGEST_TEXT = 128
_PARQUET, _ARROW, _FEATHER_1 = b"PAR1", b"ARROW1", b"FEA1"


def parse(data: memoryview, path: Path, columns: tuple[str, ...] | None) -> Table:
    """Numbers by the names of their columns; texts and nested columns are left out."""
    require(path.suffix.lower(), "pyarrow")
    head = bytes(data[:8])
    if head.startswith(_FEATHER_1):
        raise MalformedError("is a Feather file of version 1; write it again with pyarrow")
    if not head.startswith((_PARQUET, _ARROW)):
        raise MalformedError("is no Feather and no Parquet file; get or export it again")
    worker = "parquet" if head.startswith(_PARQUET) else "feather"
    found = call(f"avs3d.io.arrow:{worker}", data, seconds=30 + len(data) / 1e6)
    return Table(found, result=found.pop(MARK, None) is not None)


def parquet(data: bytes) -> dict[str, np.ndarray]:
    """The columns of a Parquet file, and one more if it is a result of ours; runs in a process of
    its own."""
    import pyarrow
    from pyarrow.parquet import ParquetFile

    with damaged("Parquet"):
        file = ParquetFile(pyarrow.BufferReader(data))
        widths = _widths(file.schema_arrow)
        groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
        size = max(file.metadata.num_rows, sum(group.num_rows for group in groups))
        size *= max(sum(widths.values()), 1)
    check_expansion(len(data), max(size, *(group.total_byte_size for group in groups), 0))
    limit_memory(len(data), 2 * size)
    with damaged("Parquet"):
        arrays = _arrays(file.read(columns=list(widths), use_threads=False))
    mark = {MARK: np.ones(1)} if MARK.encode() in (file.schema_arrow.metadata or {}) else {}
    return arrays | mark


def feather(data: bytes) -> dict[str, np.ndarray]:
    """The columns of a Feather (Arrow IPC) file; runs in a process of its own."""
    import pyarrow
    from pyarrow import ipc

    limit_memory(len(data), 8 * len(data))  # the sizes of packed batches are nowhere in front
    batches = []
    with damaged("Feather"):
        schema = ipc.open_file(pyarrow.BufferReader(data)).schema
        widths = _widths(schema)
        options = ipc.IpcReadOptions(
            use_threads=False, included_fields=[schema.get_field_index(name) for name in widths]
        )
        file = ipc.open_file(pyarrow.BufferReader(data), options=options)
        for i in range(file.num_record_batches if widths else 0):
            batches.append(file.get_batch(i))
            batches[-1].validate(full=True)
            size = sum(len(batch) for batch in batches) * sum(widths.values())
            check_expansion(len(data), size)
            limit_memory(len(data), 8 * len(data), 2 * size)
        return _arrays(pyarrow.Table.from_batches(batches, file.schema))


def small_table(data: memoryview) -> dict[str, np.ndarray]:
    """The columns of numbers and of short texts of a Feather file, such as a calibration."""
    require(".feather", "pyarrow")
    return call("avs3d.io.arrow:with_texts", data, seconds=30)


def with_texts(data: bytes) -> dict[str, np.ndarray]:
    """The same; runs in a process of its own."""
    from pyarrow import BufferReader, ipc, types

    columns = feather(data)
    with damaged("Feather"):
        table = ipc.open_file(BufferReader(data)).read_all()
        table.validate(full=True)
        texts = [field.name for field in table.schema if types.is_string(field.type)]
        for name in texts:
            values = [value or "" for value in table[name].to_pylist()]
            columns[name] = np.array([value[:_LONGEST_TEXT] for value in values], dtype=np.str_)
    return columns


def _widths(schema: Any) -> dict[str, int]:
    """Name -> bytes a value, of the columns of numbers; a name that is there twice is left out."""
    from pyarrow import types

    numeric = (types.is_integer, types.is_floating, types.is_boolean)
    fields = [field for field in schema if any(test(field.type) for test in numeric)]
    return {
        field.name: max(field.type.bit_width // 8, 1)
        for field in fields
        if len(schema.get_all_field_indices(field.name)) == 1
    }


def _arrays(table: Any) -> dict[str, np.ndarray]:
    """Arrays of numbers; where an integer is missing its column becomes float64, with NaN."""
    arrays = {name: table[name].to_numpy() for name in table.column_names}
    return {name: value for name, value in arrays.items() if value.dtype.kind in "fiub"}
