"""Which scores a study holds, read off the storage alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import optuna
from optuna.trial import FrozenTrial

from zc_plugins._read_json import read_json
from zc_plugins._score_attributes import PREFIX
from zc_plugins.ensembles import Ensemble
from zc_plugins.ensembles.az_rank import az_rank
from zc_plugins.proxies import SHELF

_REFERENCE_KEY = f"{PREFIX}reference"
_SIZES = {"params", "complexity"}


@dataclass(frozen=True)
class StoredProxy:
    """A column of stored scores."""

    name: str
    higher_is_better: bool


@dataclass(frozen=True)
class StoredScores:
    """What a scorer tells of its scores, where the scorer is not at hand.

    Attributes:
        proxies: whose scores the trials have.
        ensemble: of them.
    """

    proxies: tuple[StoredProxy, ...]
    ensemble: Ensemble = az_rank


def stored_scores(study: optuna.Study, trials: Iterable[FrozenTrial]) -> StoredScores:
    """The proxies of the study's reference sample; else those on the shelf that trials name.

    ``zc_params`` beside scores of other proxies than complexity is taken as a cost, which a budget
    stores under the same name.
    """
    kept = _of_the_reference(study)
    if kept is not None:
        return StoredScores(kept)
    named = {
        key.removeprefix(PREFIX)
        for trial in trials
        for key, value in trial.user_attrs.items()
        if key.startswith(PREFIX) and isinstance(value, (int, float))
    }
    found = [name for name in SHELF if name in named]
    if set(found) - _SIZES:
        found = [name for name in found if name != "params"]
    return StoredScores(tuple(StoredProxy(n, SHELF[n].higher_is_better) for n in found))


def _of_the_reference(study: optuna.Study) -> tuple[StoredProxy, ...] | None:
    text = study._storage.get_study_user_attrs(study._study_id).get(_REFERENCE_KEY, "")
    try:
        content = read_json(text)
        pairs = zip(content["proxies"], content["higher_is_better"], strict=True)
        return tuple(StoredProxy(str(name), bool(higher)) for name, higher in pairs)
    except (ValueError, KeyError, TypeError):
        # Nothing is kept, or something else.
        return None
