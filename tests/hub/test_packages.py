"""Packages for OptunaHub: the registry's checks, loading without a network, and their programs."""

from __future__ import annotations

import re
import runpy
import socket
from pathlib import Path
from types import ModuleType
from typing import Any

import optuna
import pytest
import yaml
from optuna.samplers import RandomSampler
from torch import nn

import zc_plugins.optuna
from zc_plugins import recipes
from zc_plugins.optuna import visualization

optunahub = pytest.importorskip(
    "optunahub", reason="optunahub is not installed: pip install -e '.[dev]'"
)
pytest.importorskip("plotly", reason="plotly is not installed: pip install -e '.[dev]'")

ROOT = Path(__file__).parents[2]
HUB = ROOT / "hub"
PACKAGES = sorted(file.parent.relative_to(HUB).as_posix() for file in HUB.rglob("__init__.py"))
# The registry's tag for each of its folders.
TAGS = {"samplers": "sampler", "pruners": "pruner", "visualization": "visualization"}

SMALLER = {"=200": "=6", "n_trials=50": "n_trials=3", "(3, 32, 32)": "(3, 8, 8)"}


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refused)


def package(name: str) -> ModuleType:
    module = optunahub.load_local_module(name, registry_root=str(HUB))
    assert isinstance(module, ModuleType)
    return module


def page(name: str) -> tuple[dict[str, Any], str]:
    """Front matter and the rest of the README."""
    _, front, body = (HUB / name / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(front), body


def test_there_are_those() -> None:
    assert PACKAGES == [
        "pruners/zero_cost_pruner",
        "samplers/filter_then_train",
        "samplers/zero_cost_sampler",
        "visualization/plot_zero_cost",
    ]


@pytest.mark.parametrize("name", PACKAGES)
def test_front_matter_is_as_the_registry_checks_it(name: str) -> None:
    front, body = page(name)
    for key in ("author", "title", "description", "license"):
        assert isinstance(front[key], str), key
        assert front[key], key
    for key in ("tags", "optuna_versions"):
        assert isinstance(front[key], list), key
        assert front[key], key
        assert all(isinstance(entry, str) for entry in front[key]), key
    assert front["license"] == "MIT License"
    assert TAGS[name.split("/", maxsplit=1)[0]] in front["tags"]
    # What the tests run on, here and now.
    assert front["optuna_versions"] == [optuna.__version__]
    sections = re.findall(r"^## (.*)$", body, re.MULTILINE)
    assert sections == ["Abstract", "APIs", "Installation", "Example"]
    assert "Please fill in" not in body


@pytest.mark.parametrize("name", PACKAGES)
def test_files_are_those_of_the_template(name: str) -> None:
    files = {file.name for file in (HUB / name).iterdir() if file.is_file()}
    assert files == {"LICENSE", "README.md", "__init__.py", "example.py"}
    assert (HUB / name / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    for file in files:
        # No binaries in the registry.
        (HUB / name / file).read_text(encoding="ascii")


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("name", PACKAGES)
def test_it_is_loaded_offline_and_holds_ours(name: str) -> None:
    module = package(name)
    assert module.__all__
    assert module.__doc__
    for item in module.__all__:
        ours = getattr(zc_plugins.optuna, item, None) or getattr(visualization, item)
        assert getattr(module, item) is ours
    assert all(f"- `{item}`" in page(name)[1] for item in module.__all__)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("name", PACKAGES)
def test_the_example_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names = runpy.run_path(str(HUB / name / "example.py"), run_name="__main__")
    states = [trial.state.name for trial in names["study"].trials]
    assert set(states) == ({"COMPLETE", "PRUNED"} if "pruner" in name else {"COMPLETE"})
    if name.startswith("visualization"):
        assert {file.name for file in tmp_path.iterdir()} == {"scores.html", "trust.html"}
    else:
        assert capsys.readouterr().out


def _study(folder: Path) -> None:
    """A study of the name and place that a README opens."""

    def build_model(trial: optuna.Trial) -> nn.Module:
        return nn.Linear(4, trial.suggest_int("width", 1, 8))

    storage = optuna.storages.RDBStorage(f"sqlite:///{folder / 'study.db'}")
    sampler = zc_plugins.optuna.ZeroCostSampler(RandomSampler(0), build_model, recipes.size((4,)))
    study = optuna.create_study(storage=storage, study_name="mine", sampler=sampler)
    study.optimize(lambda trial: float(build_model(trial).out_features), n_trials=3)
    storage.remove_session()
    storage.engine.dispose()


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("name", PACKAGES)
def test_the_readme_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry's package stands in for the published one; nothing is shown."""
    import plotly.graph_objects

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(optunahub, "load_module", package)
    shown: list[Any] = []

    def show(figure: Any) -> None:
        shown.append(figure)

    monkeypatch.setattr(plotly.graph_objects.Figure, "show", show)
    if name.startswith("visualization"):
        _study(tmp_path)
    (snippet,) = re.findall(r"^```python\n(.*?)^```", page(name)[1], re.DOTALL | re.MULTILINE)
    for written, smaller in SMALLER.items():
        snippet = snippet.replace(written, smaller)
    names: dict[str, Any] = {
        "train_and_validate": lambda model: float(sum(p.numel() for p in model.parameters()))
    }
    exec(compile(snippet, "README.md", "exec"), names)
    assert len(names["study"].trials) == 3
    assert len(shown) == 2 * name.startswith("visualization")
    storage = names["study"]._storage
    if isinstance(storage, optuna.storages._CachedStorage):
        storage.remove_session()
        storage._backend.engine.dispose()
