"""NNI: score architectures of an experiment without training, or let scores choose what trains."""

from zc_plugins.nni import _compat

_compat.prepare()

from zc_plugins.nni.assessor import ZeroCostAssessor  # noqa: E402
from zc_plugins.nni.budget import BudgetFilter  # noqa: E402
from zc_plugins.nni.evaluator import ZeroCostEvaluator  # noqa: E402
from zc_plugins.nni.evolution import ZeroCostEvolution  # noqa: E402
from zc_plugins.nni.filter import ZeroCostFilter  # noqa: E402
from zc_plugins.nni.filter_then_train import FilterThenTrainStrategy  # noqa: E402
from zc_plugins.nni.hpo_space import hpo_space  # noqa: E402
from zc_plugins.nni.model_space import NniSpace  # noqa: E402
from zc_plugins.nni.register import register  # noqa: E402
from zc_plugins.nni.report import echoed, report_score  # noqa: E402
from zc_plugins.nni.strategy import ZeroCostStrategy  # noqa: E402
from zc_plugins.nni.tuner import ZeroCostTuner  # noqa: E402

__all__ = [
    "BudgetFilter",
    "FilterThenTrainStrategy",
    "NniSpace",
    "ZeroCostAssessor",
    "ZeroCostEvaluator",
    "ZeroCostEvolution",
    "ZeroCostFilter",
    "ZeroCostStrategy",
    "ZeroCostTuner",
    "echoed",
    "hpo_space",
    "register",
    "report_score",
]
