"""Tuner and assessor under names, as ``nnictl algo register`` does it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from nni.tools.package_utils import AlgoMeta, register_algo_meta

META = Path(__file__).with_name("meta.yml")
"""For ``nnictl algo register --meta``."""


def register() -> list[str]:
    """Let experiments name ``ZeroCostTuner`` and ``ZeroCostAssessor`` as if they were NNI's own.

    Once for each environment: NNI writes the names into a file of its own there
    (``registered_algorithms.yml``).

    Returns:
        The names.
    """
    algorithms: list[dict[str, Any]] = yaml.safe_load(META.read_text())["algorithms"]
    for algorithm in algorithms:
        register_algo_meta(AlgoMeta.load(algorithm))
    return [algorithm["builtinName"] for algorithm in algorithms]
