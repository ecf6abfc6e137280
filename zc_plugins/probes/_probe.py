"""What every probe is given and gives back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from zc_plugins._dry_run import Forward, checked_shape
from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import InvalidArgument, NonFiniteInput

Measure = Callable[[Any], Tensor | float | None]
"""Evidence of one layer or block in; one number or small matrix on its device out; None skips."""


@dataclass(frozen=True)
class Excitation:
    """How networks are excited: the same for all candidates that are to be compared.

    Attributes:
        input_shape: of one sample, without the batch axis; taken from ``inputs`` where given.
        batch_size: samples in the Gaussian batch.
        inputs: a batch of the user's own, of shape (batch, *input_shape), in place of N(0, 1).
        initialisation: ``"kaiming_normal"`` draws fresh weights, ``"keep"`` takes the network's.
        blocks: names of the modules whose outputs bound the blocks; found by tracing where None.
        autocast: run the forward under autocast to this type.
        channels_last: lay images and their weights out with channels last, which is faster on
            CPUs and tensor cores. The numbers agree to rounding.
        forward: how to call the network; ``model(x)`` by default.
        cotangents: entries of +1 and -1 of a given shape for the n-th block pair, in place of
            random ones (tests and exact replays).
    """

    input_shape: tuple[int, ...] = ()
    batch_size: int = 64
    inputs: Tensor | None = field(default=None, compare=False)
    initialisation: Literal["kaiming_normal", "keep"] = "kaiming_normal"
    blocks: tuple[str, ...] | None = None
    autocast: torch.dtype | None = None
    channels_last: bool = True
    forward: Forward | None = None
    cotangents: Callable[[int, torch.Size], Tensor] | None = None

    def __post_init__(self) -> None:
        if self.inputs is not None:
            shape = tuple(self.inputs.shape)
            if self.input_shape and self.input_shape != shape[1:]:
                raise InvalidArgument(
                    f"input_shape={self.input_shape} contradicts inputs of shape {shape}: pass one"
                )
            if self.inputs.is_floating_point() and not bool(torch.isfinite(self.inputs).all()):
                raise NonFiniteInput(
                    f"inputs of shape {shape} hold NaN or infinity: pass a finite batch"
                )
            object.__setattr__(self, "input_shape", shape[1:])
            object.__setattr__(self, "batch_size", shape[0])
        object.__setattr__(self, "input_shape", checked_shape(self.input_shape))
        if self.batch_size < 2:
            raise InvalidArgument(
                f"batch_size={self.batch_size}: pass 2 or more, the statistics are over a batch"
            )
        if self.initialisation not in ("kaiming_normal", "keep"):
            raise InvalidArgument(
                f"initialisation={self.initialisation!r}: pass 'kaiming_normal' or 'keep'"
            )

    @property
    def integer_dtype(self) -> torch.dtype | None:
        """Type of the user's inputs if they are no floating ones; None otherwise."""
        if self.inputs is None or self.inputs.is_floating_point():
            return None
        return self.inputs.dtype

    def batch(self, device: torch.device, dtype: torch.dtype, rng: torch.Generator) -> Tensor:
        """The input batch on the network's device, of shape (batch, *input_shape)."""
        if self.inputs is not None:
            floating = self.inputs.is_floating_point()
            x = self.inputs.to(device=device, dtype=dtype if floating else None)
        else:
            drawn = torch.float64 if dtype == torch.float64 else torch.float32
            shape = (self.batch_size, *self.input_shape)
            x = torch.randn(shape, generator=rng, dtype=drawn, device=device).to(dtype)
        if self.channels_last and x.dim() == 4:
            x = x.contiguous(memory_format=torch.channels_last)
        return x


@dataclass(frozen=True)
class Reading:
    """What one probe brings to the host: for each measure, one statistic a layer, in order."""

    layers: tuple[str, ...]
    statistics: tuple[tuple[tuple[str, Float[ndarray, "..."]], ...], ...]
    """Per measure: (layer name, float64 array) for each layer that the measure did not skip."""
    fault: str = ""
    """Why the network has no score although its layers may have one: it is dead beyond them."""


@runtime_checkable
class Probe(Protocol):
    """One instrumented pass that serves every measure which reads it."""

    def __call__(
        self,
        model: nn.Module,
        excitation: Excitation,
        measures: Sequence[Measure],
        *,
        seed: int,
    ) -> Reading:
        """Run the pass; the network and the global random state are as before, also on error.

        Raises:
            Unscorable: if the network offers nothing to read, with the reason.
            InputShapeMismatch: if the network refuses the input.
        """
        ...


def to_host(layers: Sequence[str], gathered: Sequence[Sequence[tuple[str, Tensor]]]) -> Reading:
    """The reading on the host, in one transfer, which is the probe's only synchronisation."""
    tensors = [tensor for column in gathered for _, tensor in column]
    if not tensors:
        return Reading(tuple(layers), tuple(() for _ in gathered))
    device = tensors[0].device
    # Metal has no float64.
    exact = torch.float32 if device.type == "mps" else torch.float64
    flat = torch.cat([tensor.detach().reshape(-1).to(exact) for tensor in tensors])
    values = np.asarray(flat.cpu().numpy(), dtype=np.float64)
    ends = np.cumsum([tensor.numel() for tensor in tensors])[:-1]
    pieces = iter(np.split(values, ends))
    return Reading(
        tuple(layers),
        tuple(
            tuple((layer, next(pieces).reshape(tuple(tensor.shape))) for layer, tensor in column)
            for column in gathered
        ),
    )
