"""A tensor in a trace: its digest and a few figures, and its elements if they are kept."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from clr_ref._files import finite

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: What a step consists of, in the order of the flow of data.
STAGES = ("batch", "weights", "random", "forward", "loss", "gradient", "rate", "slots", "update")


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A tensor of a step.

    Args:
        stage: one of STAGES.
        name: the layer's or the variable's own name.
        dtype: the name of its dtype, such as ``"float32"``.
        shape: its shape.
        sha256: of its little-endian bytes.
        min: the least element, or None without one that is a number.
        max: the largest element, likewise.
        nan: the number of NaN.
        elements: the little-endian bytes, or None if they are not kept.
    """

    stage: str
    name: str
    dtype: str
    shape: tuple[int, ...]
    sha256: str
    min: float | None
    max: float | None
    nan: int
    elements: bytes | None = dataclasses.field(default=None, repr=False)

    @classmethod
    def of(cls, stage: str, name: str, values: Any, *, keep: bool) -> Tensor:
        """The tensor of an array, or of what NumPy makes an array of. Strings become bytes of one length, as NumPy has them."""
        array = np.asarray(values)
        if array.dtype.hasobject:
            array = array.astype(np.bytes_)  # the bytes of an array of objects would be addresses
        raw = _little_endian(array).tobytes()
        least, largest, nan = _figures(array)
        return cls(
            stage, name, array.dtype.name, array.shape, hashlib.sha256(raw).hexdigest(), least, largest, nan,
            raw if keep else None,
        )  # fmt: skip

    @property
    def key(self) -> tuple[str, str]:
        """Stage and name."""
        return self.stage, self.name

    def same_bits(self, other: Tensor) -> bool:
        """Whether both have the same dtype, shape and bytes."""
        return (self.dtype, self.shape, self.sha256) == (other.dtype, other.shape, other.sha256)

    def array(self) -> NDArray[Any] | None:
        """The kept elements; None if not kept.

        Elements of bfloat16 and the like, which NumPy does not have, are unsigned integers; strings are raw bytes.
        """
        if self.elements is None:
            return None
        try:
            dtype = np.dtype(self.dtype).newbyteorder("<")
        except TypeError:
            count = math.prod(self.shape)
            size = len(self.elements) // count if count else 1
            dtype = np.dtype(f"<u{size}" if size in (1, 2, 4, 8) else f"V{size}")
        return np.frombuffer(self.elements, dtype).reshape(self.shape)

    def to_data(self) -> dict[str, Any]:
        """The tensor as a JSON value."""
        data: dict[str, Any] = finite({field.name: getattr(self, field.name) for field in dataclasses.fields(self)})
        del data["elements"]
        return data if self.elements is None else data | {"base64": base64.b64encode(self.elements).decode("ascii")}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Tensor:
        """The tensor of such a JSON value.

        Raises:
            KeyError, TypeError, ValueError: it is no tensor, or its elements do not have its sha256.
        """
        fields = {name: data[name] for name in ("stage", "name", "dtype", "sha256", "nan")}
        shape = tuple(data["shape"])
        texts = [fields[name] for name in ("name", "dtype", "sha256")]
        if not all(isinstance(text, str) for text in texts) or not all(isinstance(size, int) for size in shape):
            raise TypeError(f"name, dtype and sha256 must be strings, and shape whole numbers, got {texts} and {shape}")
        if fields["stage"] not in STAGES:
            raise ValueError(f"stage must be one of {', '.join(STAGES)}, got {fields['stage']!r}")
        elements = base64.b64decode(data["base64"], validate=True) if "base64" in data else None
        if elements is not None and hashlib.sha256(elements).hexdigest() != fields["sha256"]:
            raise ValueError(f"the elements of {fields['name']} do not have their sha256")
        least, largest = (None if data[name] is None else float(data[name]) for name in ("min", "max"))
        tensor = cls(**fields, shape=shape, min=least, max=largest, elements=elements)
        tensor.array()  # raises an error if the elements do not have this shape
        return tensor


def _little_endian(array: NDArray[Any]) -> NDArray[Any]:
    contiguous = np.ascontiguousarray(array)
    big = contiguous.dtype.byteorder == ">" or (contiguous.dtype.byteorder == "=" and not np.little_endian)
    return contiguous.byteswap() if big else contiguous


def _figures(array: NDArray[Any]) -> tuple[float | None, float | None, int]:
    """The least and the largest element that is a number, and the number of NaN."""
    if array.dtype.kind in "SUOMmc" or not array.size:
        return None, None, 0
    numbers = array.astype(np.float32) if array.dtype.kind == "V" else array  # bfloat16 and the like
    least, largest = np.fmin.reduce(numbers, axis=None), np.fmax.reduce(numbers, axis=None)
    nan = int(np.count_nonzero(np.isnan(numbers)))
    return (None, None, nan) if nan == array.size else (float(least), float(largest), nan)
