"""``zc-plugins proxies``: what is on the shelf."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from zc_plugins.cli._screen import show, understandable
from zc_plugins.proxies import SHELF


def proxies(
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """List the proxies: the evidence each reads, its direction and its paper."""
    with understandable():
        found = [
            {
                "name": name,
                "reads": SHELF[name].reads,
                "higher_is_better": SHELF[name].higher_is_better,
                "paper": SHELF[name].paper,
            }
            for name in SHELF
        ]
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    rows = [
        (p["name"], p["reads"], "higher" if p["higher_is_better"] else "lower", p["paper"])
        for p in found
    ]
    show("proxies", ["name", "reads", "better", "paper"], rows)
