"""Shelves: one item a file, found by the file's name, and items of third parties."""

from __future__ import annotations

import importlib
import pkgutil
import threading
from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from zc_plugins.errors import InvalidArgument, UnknownName

Item = TypeVar("Item")


class Shelf(Generic[Item]):
    """Items by name: file ``NAME.py`` of a package holds the item ``NAME``.

    A third party adds items through the entry-point group of the package's own dotted name, or at
    run time with ``add``.

    Args:
        kind: what an item is, for error messages.
        package: dotted name of the folder, and of the entry-point group.
        unknown: error for a name that is not there.
    """

    def __init__(self, kind: str, package: str, unknown: type[UnknownName] = UnknownName) -> None:
        self.kind = kind
        self.package = package
        self._unknown = unknown
        self._items: dict[str, Item] = {}
        self._filled = False
        self._turn = threading.RLock()

    def add(self, name: str, item: Item) -> Item:
        """Put ``item`` on the shelf and return it.

        Raises:
            InvalidArgument: if another item has this name.
        """
        self._fill()
        if name in self._items and self._items[name] is not item:
            raise InvalidArgument(f"{self.kind} {name!r} is on the shelf already: rename yours")
        self._items[name] = item
        return item

    def __getitem__(self, name: str) -> Item:
        self._fill()
        if name in self._items:
            return self._items[name]
        raise self._unknown(self.kind, name, self._items)

    def __iter__(self) -> Iterator[str]:
        self._fill()
        return iter(sorted(self._items))

    def _fill(self) -> None:
        with self._turn:
            if self._filled:
                return
            folder = importlib.import_module(self.package)
            items: dict[str, Item] = {}
            for file in pkgutil.iter_modules(folder.__path__):
                if not file.name.startswith("_"):
                    module = importlib.import_module(f"{self.package}.{file.name}")
                    items[file.name] = getattr(module, file.name)
            for point in entry_points(group=self.package):
                items.setdefault(point.name, point.load())
            self._items, self._filled = items, True
