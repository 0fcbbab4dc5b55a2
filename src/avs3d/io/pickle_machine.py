"""A machine for the opcodes of pickles that make plain data; see `avs3d.io.pickles`."""

from __future__ import annotations

import math
import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from avs3d.io.source import MalformedError

MAX_DEPTH = 32
"""Containers in containers; checkpoints have six."""
MAX_OPERATIONS = 5_000_000
"""Of a pickle; the masks of all of nuScenes take a fifth. Each costs some 100 bytes of memory."""
_COPIES = 2
"""Old protocols store bytes as text, which is turned to bytes, which become an array."""
_FREE = 1 << 10
_MAX_AXES = 8
_SHOWN = 80  # characters of a name in a message
_NUMBERS = frozenset(["b1", *(f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8))]) | {
    "f2", "f4", "f8",
}  # fmt: skip
_STORAGES = {
    "BoolStorage": "b1", "ByteStorage": "u1", "CharStorage": "i1", "ShortStorage": "i2",
    "IntStorage": "i4", "LongStorage": "i8", "HalfStorage": "f2", "FloatStorage": "f4",
    "DoubleStorage": "f8",
}  # fmt: skip
_VALUES = frozenset(
    ["BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT", "BINUNICODE",
     "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"]
)  # fmt: skip
_MADE: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
}


@dataclass(frozen=True)
class Name:
    """What a pickle calls by its name in a module of Python."""

    full: str


@dataclass
class _Dtype:
    """The type of an array; its byte order is told after it was made."""

    code: str
    order: str = "<"

    @property
    def numpy(self) -> np.dtype:
        return np.dtype(self.order + self.code)


@dataclass
class _Pending:
    """An array that was named, but not filled yet.

    Attributes:
        places: where in the memo it stands.
    """

    places: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class _Storage:
    """The values of tensors: (count,), shared by those that are views of the same."""

    values: np.ndarray


_HELPERS = (Name, _Dtype, _Pending, _Storage, bytearray)


class Machine:
    """A stack and a memo, as pickles expect them, that make plain data only.

    Args:
        size: bytes that the pickle has.
        storage: the values of a storage by its key, type and count.
        tensor: see `avs3d.io.pickles.unpickle`.
    """

    def __init__(
        self,
        size: int,
        storage: Callable[[str, str, int], np.ndarray],
        tensor: Callable[[np.ndarray], Any],
    ) -> None:
        self._left = _COPIES * size + _FREE
        self._storage = storage
        self._tensor = tensor
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._storages: dict[tuple[str, str], _Storage] = {}

    def run(self, stream: BinaryIO) -> Any:
        """Carries out the pickle that begins here; the stream is behind it afterwards."""
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            name = opcode.name
            if count > MAX_OPERATIONS:
                raise MalformedError(
                    f"is a pickle of over {MAX_OPERATIONS:,} steps; save less in a file"
                )
            if name == "STOP":
                break
            if name in _VALUES:
                self._stack.append(argument)
            elif name in _MADE:
                self._stack.append(_MADE[name]())
            elif name in _STEPS:
                _STEPS[name](self, argument)
            elif name not in ("PROTO", "FRAME"):
                raise MalformedError(f"is a pickle with {name}, which plain data does not need")
        result = self._stack.pop()
        _check(result, 0, {})
        return result

    # Containers

    def mark(self, _: Any) -> None:
        self._below.append(self._stack)
        self._stack = []

    def _marked(self) -> list[Any]:
        items, self._stack = self._stack, self._below.pop()
        return items

    def tuple_of_marked(self, _: Any) -> None:
        items = self._marked()
        self._stack.append(tuple(items))

    def tuple_of(self, count: int) -> None:
        items = [self._stack.pop() for _ in range(count)]
        self._stack.append(tuple(reversed(items)))

    def append(self, _: Any) -> None:
        value = self._stack.pop()
        self._top(list).append(value)

    def appends(self, _: Any) -> None:
        items = self._marked()
        self._top(list).extend(items)

    def set_item(self, _: Any) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._set([key, value])

    def set_items(self, _: Any) -> None:
        self._set(self._marked())

    def _set(self, items: list[Any]) -> None:
        target = self._top(dict)
        for key, value in zip(items[::2], items[1::2], strict=True):
            # The hash of tuples in tuples would take as long as the file wants.
            if type(key) not in (str, int):
                raise MalformedError("is a pickle with keys that are neither texts nor numbers")
            target[key] = value

    def _top(self, kind: type) -> Any:
        if type(self._stack[-1]) is not kind:
            raise MalformedError(f"is a damaged pickle: no {kind.__name__} where one is filled")
        return self._stack[-1]

    # The memo

    def memoize(self, place: int | None) -> None:
        place = len(self._memo) if place is None else place
        if isinstance(self._stack[-1], _Pending):
            self._stack[-1].places.append(place)
        self._memo[place] = self._stack[-1]

    def recall(self, place: int) -> None:
        self._stack.append(self._memo[place])

    # Objects

    def name(self, argument: str) -> None:
        """``module name``, as `pickletools` gives it."""
        self._stack.append(self.named(argument.replace(" ", ".")))

    def name_of_stack(self, _: Any) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        self._stack.append(self.named(f"{module}.{name}"))

    def named(self, full: str) -> Any:
        """What stands for a name; any that is not known is refused."""
        return _known(full)

    def persistent(self, _: Any) -> None:
        """A storage: ("storage", type, key, device, count)."""
        match self._stack.pop():
            case ("storage", Name(full), str(key), str(_), int(count)) if code := _STORAGES.get(
                full.removeprefix("torch.")
            ):
                if (key, code) not in self._storages:
                    self._storages[key, code] = _Storage(self._storage(key, f"<{code}", count))
                self._stack.append(self._storages[key, code])
            case _:
                raise MalformedError("holds tensors of a kind that is not read; save plain numbers")

    def reduce(self, _: Any) -> None:
        arguments, callee = self._stack.pop(), self._stack.pop()
        self._stack.append(self.made(callee, arguments))

    def made(self, callee: Any, arguments: Any) -> Any:
        """What a name makes of its arguments."""
        match callee, arguments:
            case Name("_reconstruct"), (Name("numpy.ndarray"), *_):
                return _Pending()
            case Name("numpy.dtype"), (str(code), *_):
                return _Dtype(_plain(code))
            case Name("_frombuffer"), (buffer, _Dtype() as dtype, tuple(shape), str(order)):
                return self._array(buffer, dtype, shape, order == "F")
            case Name("scalar"), (_Dtype() as dtype, bytes(raw)):
                return self._array(raw, dtype, (), False).item()
            case Name("_codecs.encode"), (str(text), "latin1"):
                self._spend(len(text))
                return text.encode("latin-1")
            case Name("bytes"), ():
                return b""
            case Name("collections.OrderedDict"), ():
                return {}
            case Name("torch._utils._rebuild_parameter"), (tensor, *_):
                return tensor
            case (
                Name("torch._utils._rebuild_tensor_v2"),
                (_Storage(values), int(offset), tuple(size), tuple(stride), *_),
            ):
                return self._tensor(_view(values, offset, size, stride))
        raise MalformedError("is a damaged pickle: something is made in a way that is not known")

    def _spend(self, count: int) -> None:
        """What was stored once could be asked for again and again."""
        self._left -= count
        if self._left < 0:
            raise MalformedError("damaged: its arrays are larger than the file; get it again")

    def _array(self, raw: Any, dtype: _Dtype, shape: tuple[Any, ...], fortran: bool) -> np.ndarray:
        """An array of exactly the bytes that it was stored as."""
        if not isinstance(raw, bytes | bytearray):
            raise MalformedError(
                "holds an array without its bytes; only arrays of numbers are read"
            )
        _check_shape(shape)
        kind = dtype.numpy
        size = math.prod(shape) * kind.itemsize
        if size != len(raw):
            raise MalformedError(
                f"damaged: an array of {size} bytes was stored as {len(raw)}; get the file again"
            )
        self._spend(size)
        return from_bytes(raw, kind).reshape(shape, order="F" if fortran else "C")

    def build(self, _: Any) -> None:
        state, made = self._stack.pop(), self._stack[-1]
        self._stack[-1] = self.filled(made, state)
        if isinstance(made, _Pending):
            for place in made.places:
                self._memo[place] = self._stack[-1]

    def filled(self, made: Any, state: Any) -> Any:
        """What was made, once it is filled."""
        match made, state:
            case _Pending(), (_, tuple(shape), _Dtype() as dtype, bool(fortran), raw):
                return self._array(raw, dtype, shape, fortran)
            case _Dtype(), (_, "<" | ">" | "|" | "=" as order, None, None, None, *_):
                made.order = "<" if order in "|=" else order
                return made
            case dict(), dict():  # attributes of an OrderedDict, such as a state dict's versions
                return made
        raise MalformedError("is a damaged pickle: something is filled with the wrong data")


_STEPS: dict[str, Callable[[Machine, Any], None]] = {
    "MARK": Machine.mark,
    "TUPLE": Machine.tuple_of_marked,
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "APPEND": Machine.append,
    "APPENDS": Machine.appends,
    "SETITEM": Machine.set_item,
    "SETITEMS": Machine.set_items,
    "BINPUT": Machine.memoize,
    "LONG_BINPUT": Machine.memoize,
    "MEMOIZE": Machine.memoize,
    "BINGET": Machine.recall,
    "LONG_BINGET": Machine.recall,
    "GLOBAL": Machine.name,
    "STACK_GLOBAL": Machine.name_of_stack,
    "BINPERSID": Machine.persistent,
    "REDUCE": Machine.reduce,
    "NEWOBJ": Machine.reduce,
    "BUILD": Machine.build,
}
_KNOWN = {
    # What NumPy 1 and 2 and Python 2 and 3 call by other names.
    **{f"numpy.{core}.multiarray._reconstruct": "_reconstruct" for core in ("core", "_core")},
    **{f"numpy.{core}.multiarray.scalar": "scalar" for core in ("core", "_core")},
    **{f"numpy.{core}.numeric._frombuffer": "_frombuffer" for core in ("core", "_core")},
    "__builtin__.bytes": "bytes",
    "builtins.bytes": "bytes",
    **{f"torch.{name}": f"torch.{name}" for name in _STORAGES},
    **{
        name: name
        for name in (
            "numpy.ndarray", "numpy.dtype", "_codecs.encode", "collections.OrderedDict",
            "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter",
        )
    },
}  # fmt: skip


def _known(name: str) -> Name:
    if name not in _KNOWN:
        raise MalformedError(
            f"asks for {name[:_SHOWN]!a}, and nothing but plain data and arrays is taken from a"
            " pickle; save it without"
        )
    return Name(_KNOWN[name])


def _plain(code: str) -> str:
    if code not in _NUMBERS:
        raise MalformedError(
            f"holds an array of type {code[:_SHOWN]!a}; only arrays of numbers are read"
        )
    return code


def from_bytes(raw: bytes | bytearray | memoryview, kind: np.dtype) -> np.ndarray:
    """(count,) numbers in native byte order; booleans are 0 or 1, whatever was stored."""
    if kind.kind == "b":
        return np.frombuffer(raw, "u1") != 0
    return np.frombuffer(raw, kind).astype(kind.newbyteorder("="), copy=False)


def _view(
    values: np.ndarray, offset: int, size: tuple[Any, ...], stride: tuple[Any, ...]
) -> np.ndarray:
    """A tensor: a part of its storage, each value at most once."""
    _check_shape(size)
    _check_shape(stride)
    step = values.itemsize
    if math.prod(size) > len(values):
        raise MalformedError(
            f"damaged: a tensor of {math.prod(size)} values has a storage of {len(values)}; get the"
            " file again"
        )
    # NumPy looks whether it lies inside.
    return np.ndarray(size, values.dtype, values, offset * step, [s * step for s in stride])


def _check_shape(shape: tuple[Any, ...]) -> None:
    if len(shape) > _MAX_AXES or not all(type(n) is int and n >= 0 for n in shape):
        raise MalformedError("damaged: an array has a shape that there is not; get the file again")


def _check(value: Any, depth: int, seen: dict[int, int]) -> None:
    """Refuse what is left of the machine's own, what is too deep, and what holds itself."""
    if isinstance(value, _HELPERS):
        raise MalformedError("is a damaged pickle: it holds the name of a thing, not the thing")
    if not isinstance(value, tuple | list | dict):
        return
    if depth > MAX_DEPTH:
        raise MalformedError(f"is nested more than {MAX_DEPTH} deep; save plain data")
    if seen.get(id(value), -1) >= depth:
        return
    seen[id(value)] = depth
    for item in value.values() if isinstance(value, dict) else value:
        _check(item, depth + 1, seen)
