"""The laws of the house, read off the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import zc_plugins
from zc_plugins.ensembles import SHELF as ENSEMBLES
from zc_plugins.predictors import SHELF as PREDICTORS
from zc_plugins.probes import SHELF as PROBES
from zc_plugins.proxies import SHELF as PROXIES

ROOT = Path(zc_plugins.__file__).parent
FILES = {path.relative_to(ROOT).as_posix(): path for path in sorted(ROOT.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text()) for name, path in FILES.items()}

FLOORS = {
    "errors": 0,
    "_identity": 1,
    "_interrupts": 1,
    "_optional": 1,
    "_seeding": 1,
    "_threads": 1,
    "_shapes": 1,
    "_progress": 1,
    "_printable": 1,
    "_read_json": 1,
    "_registry": 1,
    "executors": 1,
    "_pristine": 1,
    "_dry_run": 1,
    "losses": 1,
    "ranking": 1,
    "_score_file": 1,
    "data": 1,
    "probes": 2,
    "costs": 2,
    "scores": 2,
    "_score_attributes": 3,
    "proxies": 3,
    "_score_text": 3,
    "cache": 3,
    "ensembles": 3,
    "predictors": 3,
    "spaces": 3,
    "reference": 4,
    "discovery": 4,
    "_scoring": 4,
    "_admission": 4,
    "scorer": 4,
    "trust": 4,
    "tables": 4,
    "recipes": 5,
    "search": 5,
    "report": 5,
    "optuna": 5,
    "nni": 5,
    "cli": 6,
    "": 6,  # zc_plugins itself, the list of public names
    "testing": 6,
}
"""Where each room stands; an import goes to the same floor or down."""

OWN_ROOMS = {
    "optuna": {"optuna", "testing"},  # testing/ holds a suite for pruners
    "nni": {"nni"},
    "matplotlib": {"report"},
    "plotly": {"report"},
    "optuna_dashboard": {"optuna"},
    "onnx": {"report"},
    "onnxscript": {"report"},
    "ray": {"executors"},
    "loky": {"_scoring"},
    "cloudpickle": {"_scoring"},
    "yaml": {"nni"},
    "sklearn": {"predictors"},
    "safetensors": {"predictors"},
    "deap": {"discovery"},
    "pyarrow": {"tables"},
    "typer": {"cli"},
    "rich": {"cli"},
}
"""Package to the rooms that may import it."""


def room(file: str) -> str:
    first = file.split("/", maxsplit=1)[0].removesuffix(".py")
    return "" if first == "__init__" else first


def imports(tree: ast.AST) -> Iterator[str]:
    """Dotted names of all imported modules, wherever in the file, also by our ``require``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            assert node.module
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and _name(node.func) in ("require", "import_module"):
            yield from (str(a.value) for a in node.args[:1] if isinstance(a, ast.Constant))


def runtime(tree: ast.Module) -> ast.Module:
    """The tree without what only a type checker reads."""
    body = [
        node
        for node in tree.body
        if not (isinstance(node, ast.If) and _name(node.test) == "TYPE_CHECKING")
    ]
    return ast.Module(body, [])


def own_imports(file: str) -> set[str]:
    """Files of the package that the file imports."""
    found = set()
    for dotted in imports(runtime(TREES[file])):
        parts = dotted.split(".")
        if parts[0] == "zc_plugins":
            stem = "/".join(parts[1:])
            for candidate in (f"{stem}.py", f"{stem}/__init__.py".lstrip("/")):
                if candidate in FILES:
                    found.add(candidate)
    # ``from zc_plugins.errors import X`` names a file and, seemingly, a file of X.
    return found - {file}


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _name(node: ast.AST) -> str:
    return getattr(node, "id", getattr(node, "attr", ""))


def test_the_walk_sees_the_package() -> None:
    assert {"scorer.py", "probes/block_vjp.py", "proxies/expressivity.py"} <= FILES.keys()
    assert "probes/_blocks.py" in own_imports("probes/block_vjp.py")
    assert "errors.py" in own_imports("scorer.py")
    assert "torch" in set(imports(TREES["scorer.py"]))


@pytest.mark.parametrize("file", FILES)
def test_only_probes_hook(file: str) -> None:
    hooks = {_name(call.func) for call in calls(TREES[file])}
    hooks = {h for h in hooks if h.startswith("register_") and h.endswith("_hook")}
    # The suite for probes breaks a network on purpose.
    if room(file) != "probes" and file != "testing/check_probe.py":
        assert not hooks


@pytest.mark.parametrize("file", FILES)
def test_foreign_packages_stay_in_their_rooms(file: str) -> None:
    packages = {dotted.split(".")[0] for dotted in imports(TREES[file])}
    for package in packages & OWN_ROOMS.keys():
        assert room(file) in OWN_ROOMS[package]


@pytest.mark.parametrize("file", FILES)
def test_imports_run_down_the_floors(file: str) -> None:
    assert room(file) in FLOORS, f"give the room {room(file)!r} a floor"
    for imported in own_imports(file):
        assert FLOORS[room(imported)] <= FLOORS[room(file)], f"{file} imports {imported}"
        if room(file) not in ("", "testing"):
            assert room(imported) not in ("", "testing"), f"{file} imports {imported}"


def test_no_circles() -> None:
    edges = {file: own_imports(file) for file in FILES}
    while leaves := {file for file, imported in edges.items() if not imported & edges.keys()}:
        edges = {file: imported for file, imported in edges.items() if file not in leaves}
    assert not edges


@pytest.mark.parametrize("file", [f for f in FILES if room(f) in ("probes", "proxies")])
def test_no_wait_for_the_device(file: str) -> None:
    called = {call.func.attr for call in calls(TREES[file]) if isinstance(call.func, ast.Attribute)}
    assert not called & {"item", "tolist", "cuda", "synchronize"}
    if file != "probes/_probe.py":
        assert not called & {"cpu", "numpy"}, "the one transfer is to_host's"


@pytest.mark.parametrize("file", FILES)
def test_no_print(file: str) -> None:
    printed = [
        c for c in calls(TREES[file]) if isinstance(c.func, ast.Name) and c.func.id == "print"
    ]
    assert not printed or room(file) == "cli"


@pytest.mark.parametrize("file", FILES)
def test_no_bare_except_and_no_assert_for_users(file: str) -> None:
    for node in ast.walk(TREES[file]):
        assert not (isinstance(node, ast.ExceptHandler) and node.type is None)
        assert not isinstance(node, ast.Assert) or room(file) == "testing"


@pytest.mark.parametrize("file", FILES)
def test_no_file_without_a_subject(file: str) -> None:
    stem = Path(file).stem.strip("_")
    assert stem not in ("utils", "util", "helpers", "helper", "common", "misc")


@pytest.mark.parametrize("file", FILES)
def test_every_file_says_what_it_is(file: str) -> None:
    assert ast.get_docstring(TREES[file])


@pytest.mark.parametrize(
    ("folder", "shelf"),
    [
        ("probes", PROBES),
        ("proxies", PROXIES),
        ("ensembles", ENSEMBLES),
        ("predictors", PREDICTORS),
    ],
)
def test_a_shelf_file_holds_the_item_of_its_name(folder: str, shelf: object) -> None:
    stems = {p.stem for p in (ROOT / folder).glob("*.py") if not p.stem.startswith("_")}
    assert stems <= set(shelf)  # type: ignore[call-overload]
    for stem in stems:
        item = shelf[stem]  # type: ignore[index]
        assert getattr(item, "name", getattr(item, "__name__", None)) == stem


def test_import_is_light() -> None:
    code = (
        "import sys, zc_plugins, zc_plugins.recipes, zc_plugins.testing;"
        "print(*{m.split('.')[0] for m in sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(run.stdout.split()) & OWN_ROOMS.keys()
