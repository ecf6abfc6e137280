"""You will see NNI search digits by evolution alone, and by training the best-scored of 60."""

import argparse
import os

from nni_digits import DigitsSpace, evaluate  # first: it makes nni.nas importable

from zc_plugins import recipes
from zc_plugins.nni import ZeroCostStrategy

from nni.nas.evaluator import FunctionalEvaluator  # isort: skip
from nni.nas.experiment import NasExperiment, NasExperimentConfig  # isort: skip
from nni.nas.strategy import RegularizedEvolution  # isort: skip


def search(strategy: object, engine: str, trainings: int, port: int) -> str:
    config = NasExperimentConfig(engine, "simplified", "local")
    config.max_trial_number, config.trial_concurrency = trainings, 1
    experiment = NasExperiment(DigitsSpace(), FunctionalEvaluator(evaluate), strategy, config)
    try:
        experiment.run(port)
        best = [f"{model.metric:.1%}" for model in experiment.export_top_models(trainings)]
    finally:
        experiment.stop()
    return " ".join([f"{type(strategy).__name__:>20}", *best])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", default="sequential", choices=["sequential", "ts"])
    parser.add_argument("--trainings", type=int, default=8)
    parser.add_argument("--port", type=int, default=8080, help="of NNI's web page (engine ts)")
    options = vars(parser.parse_args())
    os.chdir(os.path.dirname(os.path.abspath(__file__)))  # where NNI's trials start, and import
    alone = RegularizedEvolution(population_size=4, sample_size=2, seed=0)
    ours = ZeroCostStrategy(recipes.az_nas((1, 8, 8)), top=options["trainings"], pool=60)
    rows = [search(strategy, **options) for strategy in (alone, ours)]
    print("validation accuracies, best first:", *rows, sep="\n")
