"""You will see a proxy evolved from 24 trained networks, and how it ranks 12 others."""

from itertools import pairwise

import numpy as np
import optuna
import torch
from images import load, train
from torch import nn

from zc_plugins import Excitation
from zc_plugins.costs.params import params
from zc_plugins.discovery.evolve import evolve
from zc_plugins.discovery.ground import split
from zc_plugins.discovery.statistics import statistics
from zc_plugins.spaces.module import ModuleSpace


def build_model(trial: optuna.Trial) -> nn.Module:
    widths = [4, *(trial.suggest_int(f"w{n}", 2, 24) for n in range(trial.suggest_int("d", 1, 4)))]
    layers: list[nn.Module] = [nn.Conv2d(1, 4, 3, padding=1, stride=2)]
    for a, b in pairwise(widths):
        layers += [nn.ReLU(), nn.Conv2d(a, b, 3, padding="same"), nn.BatchNorm2d(b)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], 10))


def accuracy(model: nn.Module) -> float:
    done = train(model, load(None), 0.01, epochs=2, seed=0, after_epoch=lambda: None)
    return done.validation_accuracy


torch.manual_seed(0)
space = ModuleSpace(build_model)
pool = [space.sample(np.random.default_rng(n)) for n in range(36)]
bank = statistics(pool, Excitation((1, 8, 8), batch_size=8), space=space)
facts = np.array([(accuracy(n), params(n)) for n in map(space.build, pool)], float)
found = evolve([split(bank, *facts.T, training=24)], generations=20).best
print(found.reduce, "over layers of", found.expression)
print(f"tau on 12 others {found.held_out[0]:.2f}, {found.gain[0]:+.2f} over parameter count")
