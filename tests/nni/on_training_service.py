"""An experiment of three models on NNI's training service; prints what came of it as JSON.

``python on_training_service.py PORT FOLDER hub|own``
"""

from __future__ import annotations

import json
import sys
from typing import Any

from tests.nni.spaces import Commented
from zc_plugins import recipes
from zc_plugins.nni import NniSpace, ZeroCostEvaluator, ZeroCostStrategy
from zc_plugins.nni.report import sample_text

from nni.nas.experiment import NasExperiment  # isort: skip
from nni.nas.experiment.config import NasExperimentConfig  # isort: skip
from nni.nas.hub.pytorch import NasBench201  # isort: skip


def main() -> None:
    space = NasBench201(4, 1, 10) if sys.argv[3] == "hub" else Commented()
    scorer = recipes.size((3, 8, 8))
    own = NniSpace(space)
    reference = scorer.reference(own, size=6)
    config = NasExperimentConfig("ts", "simplified", "local")
    config.max_trial_number, config.trial_concurrency = 3, 1
    config.experiment_working_directory = sys.argv[2]
    evaluator = ZeroCostEvaluator(scorer, space, reference=reference)
    strategy = ZeroCostStrategy(scorer, top=3, pool=10)
    experiment = NasExperiment(space, evaluator, strategy, config=config)
    experiment.run(int(sys.argv[1]))
    models = experiment.export_top_models(3)
    reports = [_report(job.finalMetricData[0].data) for job in experiment.list_trial_jobs()]
    experiment.stop()
    table = scorer.score([own.of(model.sample) for model in models], space=own)
    percentiles = scorer.against(reference).percentile(table)
    samples = [sample_text(model.sample) for model in models]
    result = {
        "models": dict(zip(samples, (model.metric for model in models), strict=True)),
        "expected": dict(zip(samples, map(float, percentiles), strict=True)),
        "reports": {report["zc_sample"]: report["default"] for report in reports},
    }
    print(json.dumps(result))


def _report(data: Any) -> Any:
    while isinstance(data, str):
        data = json.loads(data)
    return data


if __name__ == "__main__":
    main()
