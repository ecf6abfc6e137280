"""Without NNI, or with one that cannot be imported."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

HIDDEN = """
import importlib.util, sys

class Hidden:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] == "nni":
            raise ModuleNotFoundError("No module named 'nni'", name="nni")

find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, *a: None if name == "nni" else find_spec(name, *a)
sys.meta_path.insert(0, Hidden)
"""

BROKEN = """
import sys, types, importlib.machinery
module = types.ModuleType("nni.nas")
sys.modules["nni.nas"] = module  # a package without anything in it
"""

IMPORT = """
from zc_plugins.errors import MissingExtra
try:
    import zc_plugins.nni
except MissingExtra as error:
    print(error)
"""


def told(before: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", before + IMPORT], capture_output=True, text=True, check=True
    )
    return run.stdout


def test_without_nni_the_error_names_the_extra_and_the_pins() -> None:
    text = told(HIDDEN)
    assert "nni is not installed" in text
    assert "pip install 'zc-plugins[nni]'" in text
    assert "nni==3.0" in text
    assert "setuptools<81" in text


def test_the_rest_of_the_package_does_without() -> None:
    code = HIDDEN + "import zc_plugins, zc_plugins.recipes, zc_plugins.optuna; print('fine')"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "fine\n"


def test_an_nni_that_cannot_be_imported() -> None:
    if importlib.util.find_spec("nni") is None:
        pytest.skip("nni is not installed: pip install -e '.[nni]'")
    text = told(BROKEN)
    assert "nni cannot be imported" in text
    assert "nni==3.0" in text
