"""The recipes by name, as options name them."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any

from zc_plugins.errors import UnknownName
from zc_plugins.scorer import Scorer

recipes = importlib.import_module("zc_plugins.recipes")
RECIPES: dict[str, Callable[..., Scorer]] = {
    name: function
    for name, function in vars(recipes).items()
    if inspect.isfunction(function)
    and function.__module__ == recipes.__name__
    and not name.startswith("_")
}


def scorer_of(
    recipe: str, shape: tuple[int, ...], *, seed: int, device: str, **excitation: Any
) -> Scorer:
    """The scorer of a recipe; not every recipe has a seed.

    Raises:
        UnknownName: with the nearest names.
    """
    if recipe not in RECIPES:
        raise UnknownName("recipe", recipe, RECIPES)
    if "seed" in inspect.signature(RECIPES[recipe]).parameters:
        excitation["seed"] = seed
    return RECIPES[recipe](shape, device=device, **excitation)
