"""The commands under one name."""

from __future__ import annotations

import typer

from zc_plugins.cli.data import data
from zc_plugins.cli.doctor import doctor
from zc_plugins.cli.evolve import evolve
from zc_plugins.cli.proxies import proxies
from zc_plugins.cli.rank import rank
from zc_plugins.cli.report import report
from zc_plugins.cli.search import search

app = typer.Typer(
    help="Training-free (zero-cost) scores of networks at initialisation.",
    no_args_is_help=True,
    add_completion=False,
    # Ours are told in one line; what is left is a bug, whose plain traceback we want to see.
    pretty_exceptions_enable=False,
)
for command in (doctor, rank, search, evolve, proxies, report):
    app.command()(command)
app.add_typer(data, name="data")
