"""A strategy's state in a file, for a run that is killed."""

from __future__ import annotations

import os
from pathlib import Path

from nni.nas.strategy.base import Strategy
from nni.nas.utils.serializer import get_default_serializer


class Autosave:
    """Keeps the state of a strategy, whole at any moment.

    Args:
        path: without suffix; nothing is kept where None.
    """

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self._path = None if path is None else Path(path)

    def keep(self, strategy: Strategy) -> None:
        """Put the strategy's state in the place of what was kept."""
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            serializer = get_default_serializer()
            fresh = self._path.with_name(f"{self._path.name}.new")
            serializer.save(dict(strategy.state_dict()), fresh)
            os.replace(f"{fresh}{serializer.suffix}", f"{self._path}{serializer.suffix}")

    def restore(self, strategy: Strategy) -> None:
        """Give the strategy what was kept, if there is anything."""
        serializer = get_default_serializer()
        if self._path is not None and Path(f"{self._path}{serializer.suffix}").exists():
            strategy.load_state_dict(serializer.load(self._path))
