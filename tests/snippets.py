"""Python snippets of our pages, and how they are made small enough for a test."""

from __future__ import annotations

import re

SMALLER = {
    "(3, 32, 32)": "(3, 8, 8)",
    "n_trials=50": "n_trials=2",
    "pool=200": "pool=6",
    "candidates=1000": "candidates=3",
    "reference_size=200": "reference_size=6",
    "max_trial_number = 50": "max_trial_number = 2",
    "NasBench201()": "NasBench201(4, 1)",
    "range(60)": "range(27)",
    "population=100": "population=12",
    "generations=30": "generations=1",
    "ProcessPoolExecutor(2,": "ProcessPoolExecutor(1,",
    # A process that is forked off need not import torch.
    'mp_context=get_context("spawn")': 'mp_context=get_context("fork")',
    'address="auto"': "num_cpus=1, num_gpus=0, include_dashboard=False",
    '"tcp://scheduler:8786"': "processes=False, dashboard_address=None",
}

STAND_IN = """
def train_and_validate(model, learning_rate):
    return len(list(model.modules())) + learning_rate
"""
"""A training loop whose accuracy is not the same for all."""


def snippets(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)


def made_smaller(snippet: str) -> str:
    for written, smaller in SMALLER.items():
        snippet = snippet.replace(written, smaller)
    return snippet
