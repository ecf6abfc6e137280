"""You will find scores.html and trust.html: what the scores of ten networks were worth."""

from pathlib import Path

import optuna
import optunahub
import torch
from torch import nn

from zc_plugins import recipes
from zc_plugins.optuna import ZeroCostSampler

package = optunahub.load_local_module(
    "visualization/plot_zero_cost", registry_root=str(Path(__file__).parents[2])
)

x = torch.linspace(-3, 3, 200)[:, None]


def build_model(trial: optuna.Trial) -> nn.Module:
    layers: list[nn.Module] = []
    inputs = 1
    for layer in range(trial.suggest_int("depth", 1, 3)):
        width = trial.suggest_int(f"width_{layer}", 2, 64, log=True)
        layers += [nn.Linear(inputs, width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, 1))


def objective(trial: optuna.Trial) -> float:
    torch.manual_seed(0)
    model = build_model(trial)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        loss = (model(x) - torch.sin(2 * x)).square().mean()
        torch.autograd.backward(loss)
        optimizer.step()
    return float(loss.detach())


sampler = ZeroCostSampler(
    optuna.samplers.RandomSampler(seed=0), build_model, recipes.az_nas((1,)), candidates=2
)
study = optuna.create_study(sampler=sampler)
study.optimize(objective, n_trials=10)
package.plot_zero_cost_scores(study).write_html("scores.html")
package.plot_trust(study).write_html("trust.html")
