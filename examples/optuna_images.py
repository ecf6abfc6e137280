"""You will see Optuna search for a network for real images, without and with zc_plugins.

Both searches train equally many epochs on the CPU. It takes about three minutes on scikit-learn's
handwritten digits; ``--data FILE.npz`` takes images of your own.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path

import optuna
import torch
from comparison import Search, plot, table
from images import WANTED, Images, convnet, load, train
from optuna.samplers import BaseSampler, TPESampler
from optuna.study import MaxTrialsCallback
from optuna.trial import TrialState
from torch import nn
from tqdm.auto import tqdm

from zc_plugins import Budget, recipes
from zc_plugins.optuna import ZeroCostSampler, enforce_budget, enqueue_best
from zc_plugins.optuna.study_page import study_page

ALONE, SCREENED = "TPE alone", "TPE with zc_plugins"


def search(method: str, images: Images, options: argparse.Namespace, seed: int) -> Search:
    """One study; it ends when ``options.trials`` networks are trained."""
    budget = Budget(images.shape, params=options.params)
    scorer = recipes.az_nas(images.shape)

    def build_model(trial: optuna.Trial) -> nn.Module:
        return convnet(trial, channels=images.shape[0], classes=images.classes)

    def objective(trial: optuna.Trial) -> float:
        learning_rate = trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
        torch.manual_seed(seed)
        model = build_model(trial)
        enforce_budget(trial, model, budget)
        trained = train(
            model, images, learning_rate, epochs=options.epochs, seed=seed, after_epoch=bar.update
        )
        trial.set_user_attr("test_accuracy", trained.test_accuracy)
        trial.set_user_attr("epochs", trained.epochs)
        trial.set_user_attr("seconds_training", trained.seconds)
        trial.set_user_attr("seconds_elapsed", time.perf_counter() - start)
        return trained.validation_accuracy

    sampler: BaseSampler = TPESampler(seed=seed)
    if method == SCREENED:  # with enqueue_best below, all that zc_plugins adds
        sampler = ZeroCostSampler(sampler, build_model, scorer, budget=budget)
    study = new_study(f"{method}, seed {seed}", storage(options), sampler)
    start = time.perf_counter()
    if method == SCREENED:
        pool, top = options.pool, min(3, options.pool)
        enqueue_best(study, build_model, scorer, top=top, pool=pool, budget=budget, seed=seed)

    enough = MaxTrialsCallback(options.trials, states=(TrialState.COMPLETE,))
    quiet = True if os.environ.get("CI") else None  # None: quiet unless on a terminal
    epochs = options.trials * options.epochs
    with tqdm(total=epochs, desc=study.study_name, unit="epoch", disable=quiet) as bar:
        study.optimize(objective, n_trials=20 * options.trials, callbacks=[enough])
    seconds = time.perf_counter() - start
    finished = Search(method, study.trials, seconds, scorer.seconds, scorer.scored)
    if len(finished.trained) < options.trials:
        raise SystemExit(
            f"{method}: {len(study.trials)} networks proposed, of which {len(finished.trained)} "
            f"have at most {options.params:g} parameters: raise --params"
        )
    return finished


def storage(options: argparse.Namespace) -> str:
    """Address of the file of all studies."""
    return f"sqlite:///{options.output / 'studies.sqlite3'}"


def new_study(name: str, storage: str, sampler: BaseSampler) -> optuna.Study:
    """A study without trials; one of this name that an earlier run left is deleted."""
    if name in optuna.get_all_study_names(storage):
        optuna.delete_study(study_name=name, storage=storage)
    return optuna.create_study(
        study_name=name, storage=storage, sampler=sampler, direction="maximize"
    )


def positive(text: str) -> int:
    """An option that counts something."""
    if int(text) < 1:
        raise ValueError
    return int(text)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=positive, default=25, help="networks to train (25)")
    parser.add_argument("--epochs", type=positive, default=8, help="of each training (8)")
    parser.add_argument("--params", type=float, default=50_000, help="budget of a network (50,000)")
    parser.add_argument("--pool", type=positive, default=50, help="networks to score first (50)")
    parser.add_argument("--seed", type=int, default=0, help="first seed (0)")
    parser.add_argument("--seeds", type=positive, default=1, help="number of repetitions (1)")
    parser.add_argument("--output", type=Path, default=Path("demo_output"), help="folder")
    parser.add_argument("--data", type=Path, help=f".npz file with the keys {WANTED}")
    options = parser.parse_args(argv)
    try:
        images = load(options.data)
    except (OSError, ValueError) as error:
        parser.error(f"--data {error}")

    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    options.output.mkdir(parents=True, exist_ok=True)
    # What torch imports when it first counts and scores is no search's cost.
    recipes.az_nas(images.shape).score([nn.Conv2d(images.shape[0], 8, 3)], show_progress=False)
    seeds = range(options.seed, options.seed + options.seeds)
    searches = [search(method, images, options, s) for s in seeds for method in (ALONE, SCREENED)]
    print(
        f"{images.name}: {len(images.train[1])} images to train on, {len(images.validation[1])} to "
        f"validate, {len(images.test[1])} to test; networks of at most {options.params:,g} "
        f"parameters; seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}\n"
    )
    print(table(searches))
    plot(searches, options.output / "accuracy.png")
    print(f"\nPlot:    {options.output / 'accuracy.png'}")
    name, page = f"{SCREENED}, seed {options.seed}", options.output / "study.html"
    study = optuna.load_study(study_name=name, storage=storage(options))
    page.write_text(study_page(study), encoding="utf-8")
    print(f"Page:    {page}")
    print(f"Studies: optuna-dashboard {storage(options)}")


if __name__ == "__main__":
    main()
