"""You will see which of twelve networks were trained, and which pruned before training."""

from pathlib import Path

import optuna
import optunahub
import torch
from torch import nn

from zc_plugins import recipes

package = optunahub.load_local_module(
    "pruners/zero_cost_pruner", registry_root=str(Path(__file__).parents[2])
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
    if trial.should_prune():
        raise optuna.TrialPruned
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        loss = (model(x) - torch.sin(2 * x)).square().mean()
        torch.autograd.backward(loss)
        optimizer.step()
    return float(loss.detach())


pruner = package.ZeroCostPruner(None, build_model, recipes.size((1,)), reference_size=50)
study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0), pruner=pruner)
study.optimize(objective, n_trials=12)
for trial in study.trials:
    print(trial.number, trial.state.name, trial.user_attrs.get("zc_note", ""))
