"""Training-free (zero-cost) architecture scores for Optuna."""

from zc_plugins.cache import ScoreCache
from zc_plugins.costs.budget import Budget
from zc_plugins.probes import Excitation
from zc_plugins.reference import Calibrated, Reference
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable
from zc_plugins.spaces.module import ModuleSpace

__version__ = "0.1.0"

__all__ = [
    "Budget",
    "Calibrated",
    "Excitation",
    "ModuleSpace",
    "Reference",
    "ScoreCache",
    "ScoreTable",
    "Scorer",
]
