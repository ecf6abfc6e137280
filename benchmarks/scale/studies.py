"""What a trial costs in a study that has many already."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np
import optuna
import sqlalchemy
from optuna.distributions import BaseDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages._rdb import models
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState, create_trial
from torch import nn

from zc_plugins import ModuleSpace, recipes
from zc_plugins.optuna import FilterThenTrainSampler, ZeroCostPruner, ZeroCostSampler
from zc_plugins.scorer import Scorer

WIDTHS = 5_000


def build(trial: Any) -> nn.Module:
    return nn.Linear(4, trial.suggest_int("width", 1, WIDTHS))


SPACE = ModuleSpace(build, name="layers")
WIDTH: dict[str, BaseDistribution] = {"width": IntDistribution(1, WIDTHS)}


def studies(sizes: list[int], trials: int, storages: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Processor time of ``ask``, scoring and ``should_prune`` in studies with so many trials.

    All architectures are known to the scorer, so that what is told is the sampler's and pruner's
    own cost, and the storage's. Each way has a scorer and a first trial that is not counted.

    Args:
        sizes: finished trials.
        trials: to run and take the median of.
        storages: address by name.

    Yields:
        storage, finished, way ("base" is Optuna's random sampler without a pruner) and the median
        milliseconds of a trial; ``beyond_base`` is what is added.
    """
    scorer = recipes.size((4,))
    widths = [{"width": width} for width in range(1, WIDTHS + 1)]
    scorer.score([SPACE.suggest(optuna.trial.FixedTrial(w)) for w in widths], space=SPACE)
    for name, address in storages.items():
        storage = opened(address)
        for finished in sizes:
            study = filled(storage, f"{name}-{finished}", finished)
            base = 0.0
            for way in ("base", "sampler", "pruner", "filter-then-train"):
                spent = _milliseconds(study, way, scorer, trials)
                base = spent if way == "base" else base
                yield {
                    "storage": name, "finished": finished, "way": way,
                    "milliseconds": round(spent, 2), "beyond_base": round(spent - base, 2),
                }  # fmt: skip


def _milliseconds(study: optuna.Study, way: str, scorer: Scorer, trials: int) -> float:
    base: BaseSampler = RandomSampler(seed=0)
    study.sampler, study.pruner = base, optuna.pruners.NopPruner()
    if way == "sampler":
        study.sampler = ZeroCostSampler(base, SPACE, scorer, half_life=None)
    elif way == "pruner":
        study.pruner = ZeroCostPruner(None, SPACE, scorer, reference_size=50)
    elif way == "filter-then-train":
        study.sampler = FilterThenTrainSampler(SPACE, scorer, pool=200, others=base)
    spent = []
    for _ in range(trials + 1):
        start = time.process_time()
        trial = study.ask()
        build(trial)
        trial.should_prune()
        spent.append(1000 * (time.process_time() - start))
        study.tell(trial, state=TrialState.FAIL)
    return statistics.median(spent[1:])


def opened(address: str) -> BaseStorage:
    """The storage of an address."""
    if address.startswith("journal:"):
        return JournalStorage(JournalFileBackend(address.removeprefix("journal:")))
    return RDBStorage(address)


def filled(storage: BaseStorage, name: str, finished: int) -> optuna.Study:
    """A study with so many complete trials, whose values follow the scores with noise."""
    study = optuna.create_study(storage=storage, study_name=name, direction="maximize")
    rng = np.random.default_rng(0)
    widths = rng.integers(1, WIDTHS + 1, finished).tolist()
    noise = rng.normal(0, 99, finished).tolist()
    values = [width + error for width, error in zip(widths, noise, strict=True)]
    if isinstance(storage, RDBStorage):
        _inserted(storage, study._study_id, widths, values)
    else:
        for width, value in zip(widths, values, strict=True):
            study.add_trial(
                create_trial(
                    params={"width": width}, distributions=WIDTH, value=value,
                    user_attrs=_scores(width),
                )
            )  # fmt: skip
    # A new storage would read them so; this one has not seen them.
    return optuna.load_study(study_name=name, storage=storage)


def _scores(width: int) -> dict[str, float]:
    return {"zc_params": 5.0 * width, "zc_complexity": 4.0 * width}


def _inserted(storage: RDBStorage, study: int, widths: list[int], values: list[float]) -> None:
    """Rows in one go, where Optuna's way takes some ten queries a trial."""
    now, kept = datetime.now(), optuna.distributions.distribution_to_json(WIDTH["width"])
    with storage.engine.begin() as connection:
        table = models.TrialModel.__table__
        most = sqlalchemy.func.coalesce(sqlalchemy.func.max(table.c.trial_id), 0)
        first = 1 + int(connection.execute(sqlalchemy.select(most)).scalar_one())
        ids = range(first, first + len(widths))
        common = {"study_id": study, "state": TrialState.COMPLETE}
        times = {"datetime_start": now, "datetime_complete": now}
        rows: dict[Any, list[dict[str, Any]]] = {
            models.TrialModel: [
                {"trial_id": i, "number": number, **common, **times} for number, i in enumerate(ids)
            ],
            models.TrialParamModel: [
                {"trial_id": i, "param_name": "width", "param_value": w, "distribution_json": kept}
                for i, w in zip(ids, widths, strict=True)
            ],
            models.TrialValueModel: [
                {
                    "trial_id": i, "objective": 0, "value": v,
                    "value_type": models.TrialValueModel.TrialValueType.FINITE,
                }
                for i, v in zip(ids, values, strict=True)
            ],
            models.TrialUserAttributeModel: [
                {"trial_id": i, "key": key, "value_json": json.dumps(number)}
                for i, w in zip(ids, widths, strict=True)
                for key, number in _scores(w).items()
            ],
        }  # fmt: skip
        for model, content in rows.items():
            connection.execute(sqlalchemy.insert(model.__table__), content)
        if storage.engine.dialect.name == "postgresql":
            reset = "SELECT setval(pg_get_serial_sequence('trials', 'trial_id'), :last)"
            connection.execute(sqlalchemy.text(reset), {"last": ids[-1]})


def addresses(postgres: str | None) -> dict[str, str]:
    """Of a SQLite file and a journal in a new folder, and of a PostgreSQL database if given."""
    folder = tempfile.mkdtemp()
    found = {"sqlite": f"sqlite:///{folder}/s.sqlite3", "journal": f"journal:{folder}/s.log"}
    return found if postgres is None else {**found, "postgresql": postgres}
