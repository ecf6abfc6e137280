"""You will see NNI search digits by evolution alone, and by training the best-scored of 60."""

import argparse  # noqa: I001
import os

import nni
import zc_plugins.nni as zc  # before nni.nas, which it makes importable
import nni.nas.nn.pytorch as layers
from images import load, train
from nni.nas.evaluator import FunctionalEvaluator
from nni.nas.experiment import NasExperiment, NasExperimentConfig
from nni.nas.strategy import RegularizedEvolution
from torch import Tensor, nn
from zc_plugins import recipes


class DigitsSpace(layers.ModelSpace):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.width = nni.choice("width", [4, 8, 16, 32])
        self.stem = layers.MutableConv2d(1, self.width, 3, padding=1)
        self.body = layers.Repeat(self.layer, (1, 4), label="depth")
        self.head = layers.MutableLinear(64 * self.width, 10)

    def layer(self, place: int) -> object:
        kernel = nni.choice(f"kernel_{place}", [1, 3, 5])
        convolution = layers.MutableConv2d(self.width, self.width, kernel, padding="same")
        block = nn.Sequential(convolution, layers.MutableBatchNorm2d(self.width), nn.ReLU())
        return layers.LayerChoice({"block": block, "none": nn.Identity()}, label=f"layer_{place}")

    def forward(self, x: Tensor) -> object:
        return self.head(self.body(self.stem(x)).flatten(1))


def evaluate(model: nn.Module) -> None:
    found = train(model, load(None), 0.01, epochs=2, seed=0, after_epoch=lambda: None)
    nni.report_final_result(zc.echoed(found.validation_accuracy))


def search(strategy: object, engine: str, trainings: int, port: int) -> str:
    config = NasExperimentConfig(engine, "simplified", "local")
    config.max_trial_number, config.trial_concurrency = trainings, 1
    experiment = NasExperiment(DigitsSpace(), FunctionalEvaluator(evaluate), strategy, config)
    experiment.run(port)
    best = [f"{model.metric:.1%}" for model in experiment.export_top_models(trainings)]
    experiment.stop()
    return " ".join([f"{type(strategy).__name__:>20}", *best])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", default="sequential", choices=["sequential", "ts"])
    parser.add_argument("--trainings", type=int, default=8)
    parser.add_argument("--port", type=int, default=8080, help="of NNI's web page (engine ts)")
    options = vars(parser.parse_args())
    alone = RegularizedEvolution(population_size=4, sample_size=2, seed=0)
    ours = zc.ZeroCostStrategy(recipes.az_nas((1, 8, 8)), top=options["trainings"], pool=60)
    os.chdir(os.path.dirname(os.path.abspath(__file__)))  # where NNI's trials start, and import
    from nni_nas import search  # not of __main__, which trials cannot import

    rows = [search(strategy, **options) for strategy in (alone, ours)]
    print("validation accuracies, best first:", *rows, sep="\n")
