"""Import of packages that an extra installs, with an error that names the extra."""

from __future__ import annotations

import importlib
from typing import Any

from zc_plugins.errors import MissingExtra


def require(module: str, *, extra: str) -> Any:
    """Return the imported ``module``.

    Args:
        module: dotted import name, e.g. ``"pyarrow.parquet"``.
        extra: the extra of ``zc-plugins`` that installs it.

    Raises:
        MissingExtra: if it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra(
            f"{module} is not installed: pip install 'zc-plugins[{extra}]' ({error})"
        ) from error
