"""Statistics of many networks on disk, over which an expression is evaluated at once."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from zc_plugins._read_json import read_json
from zc_plugins._shapes import Float, Int, ndarray
from zc_plugins.discovery.expression import Expression, Reduce
from zc_plugins.discovery.parse import parse
from zc_plugins.discovery.simplify import simplified
from zc_plugins.errors import InvalidArgument, MissingStatistic

FORMAT = "zc_plugins bank 1"


@dataclass(frozen=True, eq=False)
class Bank:
    """The numbers of some expressions, the columns, for every layer of every network.

    An expression can be evaluated if each terminal in it stands inside a column: over columns
    ``fro(T2GN)`` and ``l1(T3)``, ``log(mul(fro(T2GN), l1(T3)))`` can, ``log(T3)`` cannot.

    Attributes:
        columns: simplified, of kind ``number``.
        values: shape (columns, layers), of all networks one after another; mapped from disk.
        starts: shape (networks + 1,); layers ``starts[n]`` to ``starts[n + 1]`` are network n's.
        networks: their names, as given.
        notes: for a network without layers, why it has none; else empty.
        settings: of the scorer that made it, a fingerprint.
    """

    columns: tuple[Expression, ...]
    values: Float[ndarray, "columns layers"]
    starts: Int[ndarray, " bounds"]
    networks: tuple[str, ...]
    notes: tuple[str, ...]
    settings: str

    @staticmethod
    def open(folder: str | os.PathLike[str]) -> Bank:
        """The bank that ``save`` has written; its values stay on disk until they are read.

        Raises:
            InvalidArgument: if there is none.
        """
        folder = Path(folder)
        try:
            index = read_json((folder / "index.json").read_text())
            values = np.load(folder / "values.npy", mmap_mode="r")
        except (OSError, ValueError, EOFError) as error:
            raise InvalidArgument(f"folder={str(folder)!r} holds no bank ({error})") from error
        if not isinstance(index, dict) or index.get("format") != FORMAT:
            raise InvalidArgument(f"folder={str(folder)!r} holds no {FORMAT!r}: make it anew")
        try:
            columns = tuple(map(parse, index["columns"]))
            starts = np.array(index["starts"], dtype=np.int64)
            names, notes = tuple(index["networks"]), tuple(index["notes"])
            fits = values.shape == (len(columns), starts[-1])
            settings = str(index["settings"])
            if not all(isinstance(text, str) for text in (*names, *notes)):
                raise TypeError("a name or note is no text")
        except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
            raise InvalidArgument(
                f"folder={str(folder)!r} holds a damaged bank ({error!r}): make it anew"
            ) from error
        if not fits or len(starts) != len(names) + 1:
            raise InvalidArgument(f"folder={str(folder)!r} is of two banks: make it anew")
        return Bank(columns, values, starts, names, notes, settings)

    def save(self, folder: str | os.PathLike[str]) -> Bank:
        """Write the bank into a folder, which is made, and open it from there.

        Raises:
            InvalidArgument: if there is a bank already, or it cannot be written, for lack of room
                say; then a folder without index is left.
        """
        folder = Path(folder)
        try:
            if (folder / "index.json").exists():
                raise InvalidArgument(f"folder={str(folder)!r} holds a bank: pass another folder")
            folder.mkdir(parents=True, exist_ok=True)
            self._write(folder)
        except InvalidArgument:
            raise
        except (OSError, ValueError) as error:
            raise InvalidArgument(
                f"folder={str(folder)!r} cannot be written ({error}): pass another folder"
            ) from error
        return Bank.open(folder)

    def _write(self, folder: Path) -> None:
        np.save(folder / "values.npy", self.values)
        index: dict[str, object] = {
            "format": FORMAT,
            "columns": list(map(str, self.columns)),
            "starts": self.starts.tolist(),
            "networks": self.networks,
            "notes": self.notes,
            "settings": self.settings,
        }
        # Last and at once, so that a folder with an index is whole.
        with tempfile.NamedTemporaryFile("w", dir=folder, delete=False) as file:
            json.dump(index, file)
        os.replace(file.name, folder / "index.json")

    def __reduce__(self) -> tuple[object, ...]:
        # Another process maps the same file; what is in memory alone has to travel.
        values = self.values
        if isinstance(values, np.memmap) and values.filename is not None:
            return Bank.open, (str(Path(values.filename).parent),)
        fields = (self.columns, np.asarray(values), self.starts, self.networks, self.notes)
        return Bank, (*fields, self.settings)

    def rows(self, places: Sequence[int] | Int[ndarray, " places"]) -> Bank:
        """The bank of these networks alone, in memory."""
        layers = [np.arange(self.starts[n], self.starts[n + 1]) for n in places]
        return Bank(
            self.columns,
            np.asarray(self.values[:, np.concatenate([np.empty(0, np.int64), *layers])]),
            np.cumsum([0, *map(len, layers)]),
            tuple(self.networks[n] for n in places),
            tuple(self.notes[n] for n in places),
            self.settings,
        )

    def scores(
        self, expression: Expression, *, reduce: Reduce = "sum"
    ) -> Float[ndarray, " networks"]:
        """The expression's score of each network, as its proxy gives it up to float32's rounding.

        Returns:
            Shape (networks,); NaN where a layer's number is not finite, or there is no layer.

        Raises:
            MissingStatistic: if a terminal stands outside of all columns.
        """
        numbers = self.numbers(expression)
        counts = np.diff(self.starts)
        found = np.full(len(counts), np.nan)
        some = counts > 0
        found[some] = _TOGETHER[reduce].reduceat(numbers, self.starts[:-1][some])
        found = found / np.maximum(counts, 1) if reduce == "mean" else found
        # A proxy refuses them, too.
        return np.where(np.isfinite(found), found, np.nan)

    def numbers(self, expression: Expression) -> Float[ndarray, " layers"]:
        """The expression's number for each layer of each network, one after another.

        Raises:
            MissingStatistic: if a terminal stands outside of all columns.
        """
        numbers: Float[ndarray, " layers"] = self._value(simplified(expression)).numpy()
        return numbers

    def _value(self, expression: Expression) -> Tensor:
        place = self._places.get(expression)
        if place is not None:
            return self._tensor(place)
        if expression.kind != "number" or not any(a.kind == "number" for a in expression.arguments):
            raise MissingStatistic(
                f"{expression} is no column of the bank: pass columns=[..., {str(expression)!r}] "
                "when it is made"
            )
        return expression.applied([self._value(argument) for argument in expression.arguments])

    @cached_property
    def _places(self) -> Mapping[Expression, int]:
        return {column: place for place, column in enumerate(self.columns)}

    @cached_property
    def _tensors(self) -> dict[int, Tensor]:
        return {}

    def _tensor(self, place: int) -> Tensor:
        """One column in float64, kept: evolution asks for the same ones again and again."""
        if place not in self._tensors:
            self._tensors[place] = torch.from_numpy(self.values[place].astype(np.float64))
        return self._tensors[place]


_TOGETHER: dict[Reduce, np.ufunc] = {
    "sum": np.add, "mean": np.add, "minimum": np.minimum, "maximum": np.maximum
}  # fmt: skip
"""Which ufunc takes the layers of a network together; the mean divides later."""


def checked_columns(columns: Sequence[Expression]) -> tuple[Expression, ...]:
    """Simplified columns, each once.

    Raises:
        InvalidArgument: if one is no number.
    """
    for column in columns:
        if column.kind != "number":
            raise InvalidArgument(f"column {column} is a {column.kind}: pass mean({column})")
    return tuple(dict.fromkeys(map(simplified, columns)))
