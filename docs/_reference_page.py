"""Pages of the reference: each public file of a room, by its docstrings."""

from __future__ import annotations

from pathlib import Path

import zc_plugins

PACKAGE = Path(zc_plugins.__file__).parent
# The command line tells of itself; the proxies have pages of their own.
_ELSEWHERE = {"cli", "proxies"}
ROOMS = (
    "",
    *sorted(
        path.parent.name
        for path in PACKAGE.glob("*/__init__.py")
        if not path.parent.name.startswith("_") and path.parent.name not in _ELSEWHERE
    ),
)
"""Folders of the package; the empty one is the package itself."""


def reference(room: str) -> str:
    """The page of a room, in Markdown for mkdocstrings."""
    folder = PACKAGE / room
    dotted = ".".join(filter(None, ("zc_plugins", room)))
    told = _docstring(folder / "__init__.py")
    files = sorted(path.stem for path in folder.glob("*.py") if not path.name.startswith("_"))
    sections = [f"::: {dotted}.{file}" for file in files]
    return "\n\n".join([f"# {dotted}", told, *sections]) + "\n"


def _docstring(path: Path) -> str:
    import ast

    return ast.get_docstring(ast.parse(path.read_text())) or ""
