"""What NNI 3.0, of 2023, needs to run beside today's Python, torch and setuptools.

Each mend stands in a function that says what it mends; ``prepare`` applies them, once, when
``zc_plugins.nni`` is imported. Nothing of NNI's files is changed.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import re
import sys
import types
import warnings
from pathlib import Path
from typing import Any

from zc_plugins.errors import MissingExtra

PINS = "pip install 'zc-plugins[nni]', which pins nni==3.0 and setuptools<81"


def prepare() -> None:
    """Make NNI importable and resumable; call it before any import of ``nni.nas``.

    Raises:
        MissingExtra: if NNI is not installed or cannot be imported, with the pins that work.
    """
    if importlib.util.find_spec("nni") is None:
        raise MissingExtra(f"nni is not installed: {PINS}")
    lightning = importlib.util.find_spec("pytorch_lightning") is not None
    if not lightning:
        _do_without_lightning()
    try:
        with warnings.catch_warnings():
            # Newer torch has classes under torch.nn that are no modules; NNI passes them over.
            warnings.filterwarnings("ignore", message=".*is found to be not a nn.Module.*")
            importlib.import_module("nni.nas.strategy")
            importlib.import_module("nni.nas.experiment")
            if not lightning:
                _leave_out_one_shot()
                importlib.import_module("nni.nas.hub.pytorch")
    except Exception as error:
        raise MissingExtra(
            f"nni cannot be imported ({type(error).__name__}: {error}): {PINS}"
        ) from error
    _load_whole_checkpoints()
    _keep_texts_whole()
    _wait_for_the_server()
    _prepare_trials()
    _quieten()


def _do_without_lightning() -> None:
    """Without pytorch-lightning, ``nni.nas`` imports only where no framework is asked for.

    The variable is inherited by trial processes. NNI may have been imported already.
    """
    os.environ.setdefault("NNI_FRAMEWORK", "none")
    from nni.common.framework import set_default_framework

    if "nni.nas.evaluator" not in sys.modules:
        set_default_framework(os.environ["NNI_FRAMEWORK"])


def _leave_out_one_shot() -> None:
    """The hub's NASNet file imports a part of the one-shot package that needs no Lightning.

    Python runs the package's ``__init__``, which needs it; an empty package takes its place.
    """
    name = "nni.nas.oneshot.pytorch"
    if name not in sys.modules:
        import nni

        package = types.ModuleType(name)
        package.__path__ = [str(Path(nni.__file__).parent / "nas" / "oneshot" / "pytorch")]
        sys.modules[name] = package


def _load_whole_checkpoints() -> None:
    """Resuming an experiment fails since torch 2.6, which loads plain tensors only.

    A checkpoint holds the strategy's objects, so it is unpickled as it was in 2023. As everywhere
    with pickle: resume experiments of your own only.
    """
    import torch
    from nni.nas.utils import serializer

    tensors_only: Any = serializer.TorchSerializer

    class WholeCheckpoints(tensors_only):  # type: ignore[misc]
        def load(self, path: Path) -> Any:
            found = serializer._find_path_with_prefix(path, self.suffix)
            return torch.load(str(found), map_location=self._map_location, weights_only=False)

    if type(serializer.get_default_serializer()) is tensors_only:
        serializer.set_default_serializer(WholeCheckpoints())


def _keep_texts_whole() -> None:
    """NNI's reader of JSON takes "#" and "//" for a comment in a text that stands within a text.

    So travels all between manager and trials: a trial whose parameters hold either would die.
    """
    from json_tricks import comment, nonp

    if nonp.strip_comments is comment.strip_comments:
        nonp.strip_comments = _without_comments


def _without_comments(string: str) -> str:
    texts_or_comments = r'("[^"\\]*(?:\\.[^"\\]*)*")|(?:#|//)[^\n]*'
    return re.sub(texts_or_comments, lambda found: found[1] or "", string)


def _wait_for_the_server() -> None:
    """NNI gives its own web server three seconds to start; a busy machine takes longer."""
    from nni.experiment import launcher

    if launcher._check_rest_server.__defaults__ == (3, None):
        launcher._check_rest_server.__defaults__ = (90, None)


def _prepare_trials() -> None:
    """Trials of the training service need the same mends before they import a model space."""
    from nni.nas.experiment.config import NasExperimentConfig

    parameters = NasExperimentConfig.__dataclass_fields__["_trial_command_params"]
    parameters.default = {"python": f"{sys.executable} -m zc_plugins.nni._trial"}


def _quieten() -> None:
    """NAS-Bench-101's networks log every cell's matrix while they are built."""
    logger = logging.getLogger("nni.nas.hub.pytorch.modules.nasbench101")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.WARNING)
