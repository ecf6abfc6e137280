"""What a scorer is handed: something that becomes a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from zc_plugins.errors import NotAModule
from zc_plugins.spaces import SearchSpace, Suggestible


@dataclass(frozen=True)
class Candidate:
    """An item of a pool.

    Attributes:
        key: the architecture's canonical text; without a space its place and name.
        item: a canonical architecture of ``space``, a function that builds a network, or one.
        space: None for functions and networks.
    """

    key: str
    item: Any
    space: SearchSpace[Any] | None

    @staticmethod
    def of(item: Any, place: int, space: SearchSpace[Any] | None) -> Candidate:
        """The item at a place of the pool.

        Raises:
            NotAModule: if it is none of these.
        """
        if space is not None:
            architecture = space.canonical(item)
            return Candidate(space.encode(architecture), architecture, space)
        if isinstance(item, nn.Module):
            return Candidate(f"{place}:{type(item).__name__}", item, None)
        if callable(item):
            name = getattr(item, "__name__", type(item).__name__)
            return Candidate(f"{place}:{name}", item, None)
        raise NotAModule(
            f"pool[{place}] is {type(item).__name__} {item!r}: pass a torch.nn.Module, a function "
            "that builds one, or space= for architectures"
        )

    @property
    def known(self) -> tuple[str, str] | None:
        """Under which its scores are remembered, if they are."""
        return None if self.space is None else (self.space.name, self.key)

    @property
    def parameters(self) -> dict[str, Any]:
        """What a trial must hold to make the architecture; empty where no space tells."""
        if isinstance(self.space, Suggestible):
            return self.space.parameters(self.item)
        return {}

    @property
    def built(self) -> bool:
        """Whether it is the user's own network, which is scored where it lies."""
        return self.space is None and isinstance(self.item, nn.Module)

    def build(self) -> Any:
        """The network, or whatever the builder returns."""
        if self.space is not None:
            return self.space.build(self.item)
        return self.item if self.built else self.item()
