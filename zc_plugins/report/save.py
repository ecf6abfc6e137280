"""The result of a search as a folder that one can hand over."""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from zc_plugins._dry_run import checked_shape
from zc_plugins._optional import require
from zc_plugins._pristine import pristine
from zc_plugins._seeding import accelerator, seeded
from zc_plugins.errors import InvalidArgument
from zc_plugins.report._card import Facts, page
from zc_plugins.report._history import finite, write_history
from zc_plugins.report._measured import UNITS, Measured, measured
from zc_plugins.report._whole_folder import checked_folder, whole_folder
from zc_plugins.report.load import ARCHITECTURE, LAYOUT
from zc_plugins.report.search_plot import search_plot
from zc_plugins.report.write_onnx import write_onnx
from zc_plugins.search import Individual, SearchResult
from zc_plugins.spaces._record import space_record

FILES = (
    ARCHITECTURE,
    "architecture.txt",
    "history.csv",
    "history.png",
    "network.onnx",
    "README.md",
)


def save(
    result: SearchResult,
    folder: str | os.PathLike[str],
    *,
    input_shape: tuple[int, ...],
    member: Individual | None = None,
    onnx: bool = False,
    batch_size: int = 1,
    device: str | torch.device = "auto",
    seed: int = 0,
    command: str = "",
    space_source: str = "",
) -> Path:
    """Write the winner of a search: architecture, card, history and, if asked for, ONNX.

    The folder is complete or not there. One that holds nothing but an earlier card is replaced.

    Args:
        result: of the search.
        folder: to make, in a folder that is there.
        input_shape: of one sample, without the batch axis.
        member: of ``result.best``, to hand over in place of the winner; a front has several.
        onnx: whether to write ``network.onnx`` too.
        batch_size: samples a batch of the latency that is measured.
        device: on which it is measured: ``"auto"`` is the accelerator if there is one.
        seed: of the weights in the ONNX file.
        command: that ran the search, for the card.
        space_source: Python lines that make ``space``, for the card, where the space is not one of
            ``zc_plugins.spaces``.

    Returns:
        The folder.

    Raises:
        MissingExtra: if matplotlib, or for ONNX onnx or onnxscript, is not installed.
        InvalidArgument: if the folder may not be written, holds other files, or the network cannot
            be exported.
    """
    shape = checked_shape(input_shape)
    place = torch.device((accelerator() or "cpu") if device == "auto" else device)
    require_ready(folder, onnx=onnx)
    member = result.winner if member is None else member
    with seeded(seed):
        network = result.space.build(member.architecture)
    with whole_folder(folder, FILES) as new:
        if onnx:
            write_onnx(network, new / "network.onnx", shape)
        output_shape = _output_shape(network, shape)
        found = measured(network, shape, batch_size, place)
        record = space_record(result.space)
        content = {**_architecture(result, member, record), **_numbers(result, member, found)}
        (new / ARCHITECTURE).write_text(_as_json({**content, "input_shape": shape}) + "\n", "utf-8")
        (new / "architecture.txt").write_text(f"{member.text}\n", "utf-8", "backslashreplace")
        write_history(result, new / "history.csv")
        search_plot(result).savefig(new / "history.png", dpi=150)
        files = [name for name in FILES if (new / name).exists() or name == "README.md"]
        source = None if record else space_source or f"space = ...  # {result.space.name!a}"
        facts = Facts(
            result, member, found, shape, output_shape, versions(), files, command, source
        )
        (new / "README.md").write_text(page(facts), "utf-8", "backslashreplace")
    return Path(folder)


def require_ready(folder: str | os.PathLike[str], *, onnx: bool) -> None:
    """Refuse what ``save`` would refuse at the end, before the search begins.

    Raises:
        MissingExtra: if matplotlib, or for ONNX onnx or onnxscript, is not installed.
        InvalidArgument: if the folder may not be written.
    """
    require("matplotlib.figure", extra="report")
    for package in ("onnx", "onnxscript") if onnx else ():
        require(package, extra="onnx")
    checked_folder(folder, FILES)


def versions() -> dict[str, str]:
    """Of this package and what its numbers depend on."""
    return {
        "zc_plugins": str(sys.modules["zc_plugins"].__version__),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def _architecture(
    result: SearchResult, member: Individual, record: dict[str, Any] | None
) -> dict[str, Any]:
    """What is needed to build the network again."""
    content: dict[str, Any] = {"zc_plugins_architecture": LAYOUT, "architecture": member.text}
    if hasattr(member.architecture, "to_json"):
        content["structure"] = json.loads(member.architecture.to_json())
    return {**content, "space": {"name": result.space.name, "record": record}}


def _numbers(result: SearchResult, member: Individual, found: Measured) -> dict[str, Any]:
    """What was found out about the network."""
    scores = zip(result.proxies.names, map(finite, member.scores), strict=True)
    costs: dict[str, dict[str, Any]] = {
        name: {"value": finite(found.costs[name]), "unit": UNITS[name]} for name in UNITS
    }
    costs["latency"] |= {"batch_size": found.batch_size, "device": found.device}
    return {
        "scores": dict(scores),
        "costs": costs,
        "search": {
            "seconds": result.seconds,
            "candidates": len(result.history),
            "proposals": result.proposals,
            "acceptance_rate": result.acceptance_rate,
            **result.settings,
        },
        "versions": versions(),
    }


def _as_json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, allow_nan=False)


def _output_shape(network: nn.Module, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The sizes of the output for two samples.

    Raises:
        InvalidArgument: if the network refuses the shape.
    """
    with pristine(network, seed=0), torch.inference_mode():
        network.eval()
        try:
            output = network(torch.zeros(2, *shape))
        except Exception as error:
            raise InvalidArgument(
                f"input_shape={shape} does not fit the network ({error}): pass the shape of one "
                "sample"
            ) from error
    return tuple(getattr(output, "shape", ()))
