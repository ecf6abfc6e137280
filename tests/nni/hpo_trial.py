"""A trial of an HPO experiment: score first, then what stands for training.

``python hpo_trial.py reference`` writes the reference sample: the tests' own process, whose calls
are checked, has functions of other code and so a scorer of other settings.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import nni
from torch import nn

from zc_plugins import recipes
from zc_plugins.nni import hpo_space, report_score
from zc_plugins.reference import Reference

REFERENCE = Path(__file__).with_name("reference.json")
SCORER = recipes.size((4,))
SPACE = {
    "width": {"_type": "randint", "_value": [1, 65]},
    "rate": {"_type": "uniform", "_value": [0, 1]},
}


def build_model(parameters: dict[str, Any]) -> nn.Module:
    return nn.Linear(4, parameters["width"])


def main() -> None:
    parameters = nni.get_next_parameter()
    report_score(build_model(parameters), SCORER, Reference.from_json(REFERENCE.read_text()))
    # An epoch: time enough for the assessor's answer on a busy machine.
    time.sleep(5)
    REFERENCE.with_name(f"epoch-{nni.get_trial_id()}").touch()
    nni.report_intermediate_result(parameters["width"] / 64)
    nni.report_final_result(parameters["width"] / 64)


if __name__ == "__main__":
    if sys.argv[1:] == ["reference"]:
        sample = SCORER.reference(hpo_space(build_model, SPACE), size=60)
        REFERENCE.write_text(sample.to_json())
    else:
        main()
