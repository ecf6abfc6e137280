"""Hard limits as a middleware."""

from __future__ import annotations

import logging
from typing import Any

from nni.nas.space import ExecutableModelSpace
from nni.nas.strategy import middleware

from zc_plugins._seeding import seeded
from zc_plugins.costs.budget import Budget

_logger = logging.getLogger(__name__)


class BudgetFilter(middleware.Filter):  # type: ignore[misc]
    """Rejects models that cost too much, before any training: ``Chain(strategy, BudgetFilter(b))``.

    A rejected model costs no trial. Parameters, multiply-adds, depth and activation memory are
    counted without arithmetic, latency is measured, as ``Budget`` says. A model that cannot be
    built, or whose cost is NaN, is rejected too.

    Args:
        budget: the limits.
        **filter_options: of NNI's ``Filter``.

    Attributes:
        rejected: models rejected so far.
    """

    def __init__(self, budget: Budget, **filter_options: Any) -> None:
        super().__init__(self.admits, **filter_options)
        self.budget, self.rejected = budget, 0

    def admits(self, model: ExecutableModelSpace) -> bool:
        """Whether the frozen model keeps every limit."""
        try:
            with seeded(0):
                costs = self.budget.costs(model.executable_model())
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
        else:
            over = {name: part for name, part in self.budget.excess(costs).items() if not part <= 0}
            if not over:
                return True
            reason = ", ".join(
                f"{name} {costs[name]:.4g} is {x:.0%} over" for name, x in over.items()
            )
        self.rejected += 1
        _logger.info("%s is not trained: %s", model.sample, reason)
        return False

    def extra_repr(self) -> str:
        return f"budget={self.budget}"
