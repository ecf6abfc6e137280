"""Of which search a kept state is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zc_plugins.errors import InvalidArgument
from zc_plugins.nni.model_space import NniSpace
from zc_plugins.scorer import Scorer


def stamp(scorer: Scorer, space: NniSpace) -> list[Any]:
    """What scores in a state depend on."""
    return [space.name, sorted(proxy.name for proxy in scorer.proxies), scorer.seed]


def require_stamp(found: Sequence[Any], here: list[Any]) -> None:
    """Refuse a state of another space, or of other proxies.

    Raises:
        InvalidArgument: with both.
    """
    if list(found) != here:
        raise InvalidArgument(
            f"the state is of {list(found)}, this strategy of {here}: take the space and the "
            "scorer of before, or another path as autosave"
        )
