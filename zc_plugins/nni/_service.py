"""NNI's training service, where an experiment runs on one."""

from __future__ import annotations

import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nni.nas.execution import ExecutionEngine
from nni.nas.execution.training_service import TrainingServiceExecutionEngine

from zc_plugins.errors import ManagerDied


@contextmanager
def manager_of(engine: ExecutionEngine) -> Iterator[None]:
    """Names the death of NNI's manager where it is behind an error.

    Args:
        engine: runs the models, maybe behind middlewares; others than the training service's have
            no manager.

    Raises:
        ManagerDied: in place of whatever was raised, if the manager's process has ended.
    """
    try:
        yield
    except Exception as error:
        code = _exit_code(engine)
        if code is None:
            raise
        raise ManagerDied(
            f"NNI's manager has ended with code {code} in mid-run: its log is nnimanager.log in "
            "the experiment's folder. Run a new experiment; with autosave= of before, the "
            "strategy goes on where it was"
        ) from error


def warn_of_concurrency(engine: ExecutionEngine) -> None:
    """Warn where NNI will mix up trials."""
    service = _service(engine)
    if service is None:
        return
    concurrency = service.nodejs_binding.config.trial_concurrency
    if concurrency > 1:
        warnings.warn(
            f"trial_concurrency={concurrency}: NNI 3.0's web page and list_trial_jobs mix up the "
            "parameters of trials that run at the same time; report echoed(metric) so that "
            "zc_plugins can tell, or set trial_concurrency to 1",
            stacklevel=2,
        )


def _exit_code(engine: ExecutionEngine) -> int | None:
    """Of the manager; None if there is none, or it still runs."""
    service = _service(engine)
    if service is None or service.nodejs_binding._proc is None:
        return None
    try:
        # Its port is closed a moment before it has ended.
        code: int = service.nodejs_binding._proc.wait(timeout=1)
    except subprocess.TimeoutExpired:
        return None
    return code


def _service(engine: Any) -> Any:
    """The engine behind middlewares, if it is of the training service."""
    while engine is not None and not isinstance(engine, TrainingServiceExecutionEngine):
        engine = getattr(engine, "_engine", None)
    return engine
