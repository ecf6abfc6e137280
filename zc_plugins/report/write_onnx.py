"""A network as an ONNX file."""

from __future__ import annotations

import io
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import torch
from torch import nn

from zc_plugins._dry_run import checked_shape, dtype_of
from zc_plugins._optional import require
from zc_plugins._pristine import device_of, pristine
from zc_plugins.errors import InvalidArgument


def write_onnx(
    network: nn.Module, path: str | os.PathLike[str], input_shape: tuple[int, ...]
) -> None:
    """Write the network with its weights, in eval mode; input ``input``, output ``output``.

    The batch axis is free where the network allows it. The network is left as it was.

    Args:
        network: of one input and one output, on any device.
        path: of the file; one that is there is overwritten.
        input_shape: of one sample, without the batch axis.

    Raises:
        MissingExtra: if onnx or onnxscript is not installed.
        InvalidArgument: if torch cannot export the network, with its reason.
    """
    for package in ("onnx", "onnxscript"):
        require(package, extra="onnx")
    shape = (2, *checked_shape(input_shape))
    x = torch.zeros(shape, dtype=dtype_of(network), device=device_of(network))
    with pristine(network, seed=0), _quiet():
        network.eval()
        try:
            torch.onnx.export(
                network, (x,), os.fspath(path), dynamo=True, external_data=False, verbose=False,
                input_names=["input"], output_names=["output"], dynamic_shapes=({0: "batch"},),
            )  # fmt: skip
        except Exception as error:
            raise InvalidArgument(
                f"network={type(network).__name__} cannot be exported to ONNX ({_cause(error)}): "
                "go on without an ONNX file"
            ) from error


def _cause(error: BaseException) -> str:
    """The first line of what lies at the root; above it are the exporter's stations."""
    while error.__cause__ is not None:
        error = error.__cause__
    line = next((line for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {line}"


_TALKATIVE = (
    "torch.onnx._internal.exporter._registration",
    "torch.fx.experimental.symbolic_shapes",
)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's remarks on itself: deprecations, torchvision, its graphs."""
    levels = {name: logging.getLogger(name).level for name in _TALKATIVE}
    try:
        for name in levels:
            logging.getLogger(name).setLevel(logging.ERROR)
        with (
            warnings.catch_warnings(),
            redirect_stdout(io.StringIO()),
            redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
