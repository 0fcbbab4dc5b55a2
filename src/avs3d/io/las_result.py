"""Results as ``.las`` and ``.laz``, through laspy."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import laspy
import numpy as np
from laspy.header import GpsTimeType
from laspy.vlrs.known import WktCoordinateSystemVlr

from avs3d.io.asprs import classification
from avs3d.io.columns import COLOURS
from avs3d.io.result import UnwritableError, free_name, given_columns, numeric
from avs3d.palette import UNLABELLED_COLOR
from avs3d.scan import Scan
from avs3d.segmentation import Segmentation

OWNER = "avs3d"
"""User id of our records; a file that has one is a result."""
_NAME, _RECORD = 32, 65_535  # bytes of an extra dimension's name, and of a record
_MAX_EXTRA = 330  # dimensions: each is described by 192 bytes of one record
_FINEST, _COARSEST = 1e-6, 1e-3  # metres
_STEPS = 2**31 - 2
_DATE = slice(90, 94)
_COLOUR = laspy.PointFormat(7).dimension_by_name("red")
_OF_8_BITS = 257
"""What makes 16 bits of 8, as readers of LAS expect."""
_WEEK = 604_800  # seconds: what GPS times of the week stay below
_ANGLE = 0.006  # degrees of a step of `scan_angle`


def encode(segmentation: Segmentation) -> bytes:
    """LAS 1.4 with ``classification`` where ASPRS has a class for the word (else 1).

    Colours are the input's, or by word where it has none that LAS holds: what Potree shows first.
    ``label`` int32 (-1 unlabelled) and ``score`` float32 are extra bytes. Every column of the input
    is kept: in the dimension of that name where LAS has one that can hold it, else as extra bytes.
    The words are records of `OWNER` whose id is the label. A point without a position lies at the
    offset and is ``withheld``; where nothing tells of returns, each is the only one. The coordinate
    system is the input's.
    """
    return _encode(segmentation, packed=False)


def encode_packed(segmentation: Segmentation) -> bytes:
    """The same as ``.laz``."""
    return _encode(segmentation, packed=True)


def _encode(segmentation: Segmentation, packed: bool) -> bytes:
    scan = segmentation.scan
    header = laspy.LasHeader(version="1.4", point_format=_point_format(scan))
    header.generating_software = OWNER
    header.global_encoding.wkt = True  # that of these point formats, also where there is none
    header.global_encoding.gps_time_type = _time_type(scan)
    header.offsets, header.scales = scan.origin, np.full(3, _scale(scan))
    dimensions = _dimensions(segmentation, header.point_format)
    if len(dimensions.extra) > _MAX_EXTRA:
        raise UnwritableError(
            f"LAS has room for {_MAX_EXTRA} columns of other names, not {len(dimensions.extra)};"
            " write .ply or .npz"
        )
    header.add_extra_dims(
        [laspy.ExtraBytesParams(name, value.dtype) for name, value in dimensions.extra.items()]
    )
    if scan.crs:
        header.vlrs.append(WktCoordinateSystemVlr(scan.crs))
    header.vlrs.extend(_records(segmentation))
    points = laspy.ScaleAwarePointRecord.zeros(len(scan), header=header)
    for axis, value in zip("XYZ", _steps(scan, header.scales[0]).T, strict=True):
        points[axis] = value
    for name, value in dimensions.standard.items():
        points[name] = value
    for name, value in dimensions.extra.items():
        points.array[name] = value
    stream = io.BytesIO()
    laspy.LasData(header, points).write(stream, do_compress=packed)
    content = bytearray(stream.getvalue())
    content[_DATE] = bytes(4)  # the day of writing: the same result gives the same bytes
    return bytes(content)


@dataclass
class _Dimensions:
    """Values per point: of LAS's own dimensions, and of extra ones."""

    standard: dict[str, np.ndarray]
    extra: dict[str, np.ndarray] = field(default_factory=dict)


def _point_format(scan: Scan) -> int:
    """7, which has colours; 8 where they come with near infrared."""
    return 8 if _colours(scan) and "nir" in scan.fields else 7


def _time_type(scan: Scan) -> GpsTimeType:
    """How ``gps_time`` counts, by its values: from a day in 2011, or within a week."""
    times = numeric(scan.fields.get("gps_time", np.zeros(0)))
    within = (times >= 0) & (times <= _WEEK)
    return GpsTimeType.WEEK_TIME if within.all() else GpsTimeType.STANDARD


def _colours(scan: Scan) -> dict[str, np.ndarray]:
    """The input's colours as 16 bits, or nothing: they are missing, black, or not whole numbers."""
    fields = {name.lower(): value for name, value in reversed(scan.fields.items())}
    given = {name: numeric(fields[name]) for name in COLOURS if name in fields}
    found = {name: exact for name, v in given.items() if (exact := _exact(v, _COLOUR)) is not None}
    highest = max((value.max(initial=0) for value in found.values()), default=0)
    if len(found) < len(COLOURS) or highest <= 1:  # up to 1: black, also where it means 100 %
        return {}
    are_small = highest <= 255 and any(value.dtype != np.uint16 for value in given.values())
    return {name: value * _OF_8_BITS for name, value in found.items()} if are_small else found


def _by_word(segmentation: Segmentation) -> dict[str, np.ndarray]:
    table = np.vstack([segmentation.colors, UNLABELLED_COLOR])
    columns = table.astype(np.uint16)[segmentation.label].T * np.uint16(_OF_8_BITS)
    return dict(zip(COLOURS, columns, strict=True))


def _dimensions(segmentation: Segmentation, form: laspy.PointFormat) -> _Dimensions:
    scan, label = segmentation.scan, segmentation.label
    own = {"classification": classification(label, segmentation.vocabulary.words)}
    colours = _colours(scan)
    if not colours:
        own |= _by_word(segmentation)
    if not scan.finite.all():
        own["withheld"] = (~scan.finite).astype(np.uint8)
    found = _Dimensions(own, {"label": label, "score": segmentation.score})
    axes = {*"xyzXYZ"}
    standard = {dim.name: dim for dim in form.dimensions if dim.name not in own.keys() | axes}
    reserved = {*form.dimension_names, *form.dtype().names, *found.extra} | axes
    for name, value in given_columns(scan, reserved - standard.keys(), _NAME).items():
        value = numeric(value)
        if name in standard and (exact := _exact(value, standard[name])) is not None:
            found.standard[name] = exact
            continue
        if name == "intensity":  # the nearest that LAS can hold, beside the true values
            found.standard[name] = _spread(value)
        if (
            name == "scan_angle_rank" and value.dtype == np.int8
        ):  # whole degrees, of older point formats
            found.standard["scan_angle"] = np.round(value / _ANGLE).astype(np.int16)
        found.extra[free_name(name, reserved | found.extra.keys(), _NAME)] = value
    if not {"return_number", "number_of_returns"} & found.standard.keys():
        once = np.ones(len(scan), np.uint8)
        found.standard |= {"return_number": once, "number_of_returns": once}
    found.standard |= colours
    return found


def _exact(value: np.ndarray, dimension: laspy.DimensionInfo) -> np.ndarray | None:
    """The values as the dimension stores them, or None where that would change one."""
    if dimension.kind == laspy.DimensionKind.FloatingPoint:
        stored = value.astype(np.float64)
        same = value.dtype.kind == "f" or (stored.astype(value.dtype) == value).all()
        return stored if same else None
    signed = dimension.kind == laspy.DimensionKind.SignedInteger
    bits = dimension.num_bits - signed
    low, high = (-(1 << bits) if signed else 0), (1 << bits) - 1
    if len(value) and not (low <= value.min() and value.max() <= high):  # NaN fails as well
        return None
    stored = value.astype(np.int64)
    return stored if (stored == value).all() else None


def _spread(value: np.ndarray) -> np.ndarray:
    """Finite values stretched over 16 bits; 0 elsewhere."""
    finite = np.isfinite(value)
    if not finite.any():
        return np.zeros(len(value), np.uint16)
    low, high = (float(edge) for edge in (value[finite].min(), value[finite].max()))
    stretched = (np.where(finite, value, low) - low) / ((high - low) or 1.0)
    return np.round(stretched * 65_535).astype(np.uint16)


def _scale(scan: Scan) -> float:
    """Metres of a step: a power of ten, as fine as 32 bits allow, down to a micrometre."""
    reach = float(np.abs(scan.points[scan.finite]).max(initial=0.0))
    scale = _FINEST
    while reach / scale > _STEPS:
        scale = round(scale * 10, 9)
    if scale > _COARSEST:
        raise UnwritableError(
            f"coordinates reach {reach:.3g} m, too far for millimetres in LAS; write .ply or .npz"
        )
    return scale


def _steps(scan: Scan, scale: float) -> np.ndarray:
    """(N, 3) int32 steps from the offset, 0 for a point without a position."""
    points = np.where(scan.finite[:, None], scan.points, 0).astype(np.float64)
    return np.round(points / scale).astype(np.int32)


def _records(segmentation: Segmentation) -> list[laspy.VLR]:
    """The bundle's name, then a record a word."""
    if len(segmentation.vocabulary) > _RECORD:
        raise UnwritableError(f"LAS has room for {_RECORD} words; write .npz")
    told = [(OWNER, 0, "bundle", segmentation.bundle)]
    told += [
        (f"{OWNER} words", index, "label is the record id", word)
        for index, word in enumerate(segmentation.vocabulary.words)
    ]
    return [
        laspy.VLR(user, number, what, text.encode("utf-8", "replace")[:_RECORD])
        for user, number, what, text in told
    ]
