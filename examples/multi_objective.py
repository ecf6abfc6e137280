"""You will see the networks for handwritten digits that no other beats in accuracy and in size."""

import optuna
import torch
from sklearn.datasets import load_digits
from torch import nn

from zc_plugins import recipes
from zc_plugins.optuna import ZeroCostPruner, raise_if_rejected

torch.manual_seed(0)
x, y = torch.tensor(load_digits().data / 16).float(), torch.tensor(load_digits().target)


def build_model(trial: optuna.Trial) -> nn.Module:
    depth = trial.suggest_int("depth", 1, 3)
    widths = [64, *(trial.suggest_int(f"width_{n}", 4, 128, log=True) for n in range(depth))]
    layers = [nn.Sequential(nn.Linear(widths[n], widths[n + 1]), nn.ReLU()) for n in range(depth)]
    return nn.Sequential(*layers, nn.Linear(widths[-1], 10))


def objective(trial: optuna.Trial) -> tuple[float, int]:
    model = build_model(trial)
    raise_if_rejected(trial, pruner)  # trial.should_prune() refuses multi-objective studies
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(50):
        optimizer.zero_grad()
        torch.autograd.backward(nn.functional.cross_entropy(model(x[:1200]), y[:1200]))
        optimizer.step()
    accuracy = (model(x[1200:]).argmax(1) == y[1200:]).float().mean()
    return float(accuracy), sum(p.numel() for p in model.parameters())


pruner = ZeroCostPruner(None, build_model, recipes.az_nas((64,)), keep=0.7, reference_size=40)
sampler = optuna.samplers.NSGAIISampler(seed=0)
study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
study.optimize(objective, n_trials=30)
for best in sorted(study.best_trials, key=lambda trial: trial.values[1]):
    print(f"{best.values[0]:.1%} with {best.values[1]:,.0f} parameters: {best.params}")
