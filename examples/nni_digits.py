"""The space and the training of nni_nas.py, in a file that NNI's trials can import."""

import nni
from images import load, train
from torch import Tensor, nn

import zc_plugins.nni as zc  # before nni.nas, which it makes importable

import nni.nas.nn.pytorch as layers  # isort: skip


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
