"""The command line: ``zc-plugins doctor``, ``rank``, ``search``, ``evolve``,
``proxies``, ``report`` and ``data``."""

from __future__ import annotations

import sys

from zc_plugins._optional import require
from zc_plugins.errors import MissingExtra


def main() -> None:
    """Run the command that the user typed.

    Raises:
        SystemExit: always, with the exit status: 0 done, 1 an error, 2 wrong options, 130 Ctrl-C.
    """
    try:
        require("rich", extra="cli")
        require("typer", extra="cli")
        from zc_plugins.cli._app import app

        app()
    except MissingExtra as error:
        sys.exit(f"zc-plugins: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
