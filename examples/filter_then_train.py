"""You will see fifteen trainings of small networks, chosen with and without a score: their size."""

import optuna
import torch
from sklearn.datasets import load_digits
from torch import nn

from zc_plugins import recipes
from zc_plugins.optuna import FilterThenTrainSampler

x, y = torch.tensor(load_digits().data / 16).float(), torch.tensor(load_digits().target)


def build_model(trial: optuna.Trial) -> nn.Module:
    act = getattr(nn, trial.suggest_categorical("activation", ["ReLU", "Tanh", "Sigmoid"]))
    depth = trial.suggest_int("depth", 1, 5)
    widths = [64, *(trial.suggest_int(f"width_{n}", 2, 128, log=True) for n in range(depth))]
    layers = [nn.Sequential(nn.Linear(widths[n], widths[n + 1]), act()) for n in range(depth)]
    return nn.Sequential(*layers, nn.Linear(widths[-1], 10))


def objective(trial: optuna.Trial) -> float:
    torch.manual_seed(0)
    model = build_model(trial)
    optimizer = torch.optim.Adam(model.parameters(), lr=trial.suggest_float("lr", 3e-3, 3e-2))
    for _ in range(40):
        optimizer.zero_grad()
        torch.autograd.backward(nn.functional.cross_entropy(model(x[:1200]), y[:1200]))
        optimizer.step()
    return float((model(x[1200:]).argmax(1) == y[1200:]).float().mean())


filtered = FilterThenTrainSampler(build_model, recipes.size((64,)), pool=200)
tpe = optuna.samplers.TPESampler(seed=0)
for name, sampler in {"filter, then train": filtered, "TPE": tpe}.items():
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(objective, n_trials=15)
    best = [100 * max(t.value or 0 for t in study.trials[:n]) for n in (5, 10, 15)]
    print(f"{name:<20}", *(f"{accuracy:6.1f}" for accuracy in best), "%")
