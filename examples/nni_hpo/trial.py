"""One trial: build a network, report its score, train it on the digits, report its accuracy."""

import time
from pathlib import Path
from typing import Any

import nni
import torch
from sklearn.datasets import load_digits
from torch import nn

from zc_plugins import recipes
from zc_plugins.nni import report_score
from zc_plugins.reference import Reference

REFERENCE = Path(__file__).with_name("reference.json")
SCORER = recipes.az_nas(input_shape=(1, 8, 8), batch_size=16)


def build_model(parameters: dict[str, Any]) -> nn.Module:
    layers: list[nn.Module] = []
    channels, width = 1, parameters["width"]
    for _ in range(parameters["depth"]):
        layers += [
            nn.Conv2d(channels, width, parameters["kernel"], padding="same"),
            nn.BatchNorm2d(width),
            getattr(nn, parameters["activation"])(),
        ]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * width, 10))


def main() -> None:
    parameters = nni.get_next_parameter()
    model = build_model(parameters)
    report_score(model, SCORER, Reference.from_json(REFERENCE.read_text()))
    time.sleep(3)  # the assessor's answer takes as long
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16
    labels = torch.tensor(digits.target)
    optimizer = torch.optim.Adam(model.parameters(), parameters["learning_rate"])
    for _ in range(3):
        model.train()
        for rows in torch.split(torch.randperm(1200), 64):
            optimizer.zero_grad()
            torch.autograd.backward(nn.functional.cross_entropy(model(images[rows]), labels[rows]))
            optimizer.step()
        model.eval()
        with torch.inference_mode():
            accuracy = (model(images[1200:]).argmax(1) == labels[1200:]).double().mean().item()
        nni.report_intermediate_result(accuracy)
    nni.report_final_result(accuracy)


if __name__ == "__main__":
    main()
