"""What an implementation returned, as data: a number with all of its bits, or the reason why there is none."""

from __future__ import annotations

import dataclasses
import operator
from fractions import Fraction
from typing import Any

import numpy as np

from clr_ref import _inputs, exact
from clr_ref.conformance import words


@dataclasses.dataclass(frozen=True)
class Response:
    """What the implementation returned at one step.

    - ``kind`` is a dtype: a number; ``text`` is its hex float.
    - ``exact``: a rational number of any size; ``text`` is numerator/denominator, both in hex.
    - ``error``: no number; ``text`` says what happened.
    - ``declined``: ``make`` raised NotImplementedError for these arguments: they are outside its domain.
    - ``hang``: it did not return, or the process died too often; ``text`` says which. Nothing further is evaluated.
    """

    kind: str
    text: str

    @classmethod
    def received(cls, reply: Any) -> Response:
        """Returns the response that the process of an implementation sent.

        Raises:
            ConnectionError: it is none; something else wrote into the pipe.
        """
        try:
            response = cls(*reply)
            sound = response.text.isprintable() and (response.failed or response.value("float64") is not None)
        except (TypeError, ValueError, ArithmeticError, AttributeError):
            sound = False
        if not sound:
            raise ConnectionError("it wrote into the pipe of the kit")
        return response

    @property
    def failed(self) -> bool:
        """Whether it is no number."""
        return self.kind in ("error", "hang", "declined")

    def value(self, dtype: str) -> Any:
        """Returns the number as a NumPy scalar of dtype; it is rounded once, to nearest, if it has another dtype.

        Raises:
            ValueError: it is no number.
        """
        if self.failed:
            raise ValueError(self.text)
        if self.kind == "exact":
            numerator, denominator = (int(part, 16) for part in self.text.split("/"))
            return exact.round_to(Fraction(numerator, denominator), dtype)
        with np.errstate(over="ignore"):
            return np.dtype(dtype).type(float.fromhex(self.text))


def as_response(value: Any) -> Response:
    """Returns what an implementation returned, a number of any type, as a response; an error if it is no number."""
    if isinstance(value, (list, tuple)) and len(value) == 1:
        (value,) = value
    if isinstance(value, (bool, np.bool_, str, bytes)):
        return Response("error", f"returned {_shown(value)}, which is no number")
    if type(value) is float:
        return Response("float64", value.hex())
    if isinstance(value, np.ma.MaskedArray) and np.any(value.mask):  # NumPy would read the number behind the mask
        return Response("error", f"returned {_shown(value)}, which is masked")
    if hasattr(value, "dtype"):  # NumPy, and every framework's tensors
        try:
            array = np.asarray(value.detach() if hasattr(value, "detach") else value)
            # NumPy gives bfloat16 the kind "V", so its name is looked at too.
            if array.shape == () and (array.dtype.kind in "f" or "float" in array.dtype.name):
                return Response(array.dtype.name, float(array).hex())
            if array.shape == () and array.dtype.kind in "iu":
                return Response("exact", f"{int(array):x}/1")
            return Response("error", f"returned an array of shape {array.shape} and dtype {array.dtype}, not one number")
        except (TypeError, ValueError) as error:
            return Response(
                "error", f"returned {_shown(value)}, which NumPy cannot read: {words.printable(words.text_of(error))}"
            )
    if hasattr(value, "as_integer_ratio"):  # int, Fraction, Decimal
        try:
            ratio = Fraction(*map(operator.index, value.as_integer_ratio()))
        except (ValueError, OverflowError):  # of a Decimal that is NaN or infinite
            return Response("float64", float(value).hex())
        except (TypeError, ZeroDivisionError):
            return Response("error", f"returned {_shown(value)}, whose as_integer_ratio() is no ratio of integers")
        # In hex, since Python limits the decimal digits of an int.
        return Response("exact", f"{ratio.numerator:x}/{ratio.denominator:x}")
    try:
        return Response("float64", float(value).hex())
    except (TypeError, ValueError):
        return Response("error", f"returned {_shown(value)} of type {words.class_name(value)}, which is no number")


def _shown(value: Any) -> str:
    try:
        return words.printable(_inputs.shown(value))
    except Exception:  # its class has no name
        return "an object"
