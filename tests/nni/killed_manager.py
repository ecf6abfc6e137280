"""An experiment on NNI's training service, the manager of which is killed by the second trial.

``python killed_manager.py PORT FOLDER AUTOSAVE``
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.nni.spaces import Nested, kill_or_train, size
from zc_plugins.nni import ZeroCostStrategy

from nni.nas.evaluator import FunctionalEvaluator  # isort: skip
from nni.nas.experiment import NasExperiment  # isort: skip
from nni.nas.experiment.config import NasExperimentConfig  # isort: skip


def main() -> None:
    config = NasExperimentConfig("ts", "simplified", "local")
    config.max_trial_number, config.trial_concurrency = 4, 1
    config.experiment_working_directory = sys.argv[2]
    strategy = ZeroCostStrategy(size(), top=4, pool=27, autosave=Path(sys.argv[3]))
    evaluator = FunctionalEvaluator(kill_or_train)
    experiment = NasExperiment(Nested(), evaluator, strategy, config=config)
    try:
        experiment.run(int(sys.argv[1]))
    finally:
        experiment.stop()


if __name__ == "__main__":
    main()
