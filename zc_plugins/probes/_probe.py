"""What every probe is given and gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from zc_plugins._dry_run import Forward, checked_shape
from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import InvalidArgument, MissingStatistic, NonFiniteInput

Measure = Callable[[Any], Tensor | float | None]
"""Evidence of one layer or block in; one number or small matrix on its device out; None skips."""

Column = list[tuple[str, Tensor]]
"""One measure's statistics, each with the name of its layer."""


@dataclass(frozen=True)
class Excitation:
    """How networks are excited: the same for all candidates that are to be compared.

    Attributes:
        input_shape: of one sample, without the batch axis; taken from ``inputs`` where given.
        batch_size: samples in the Gaussian batch.
        repeats: draws of weights, inputs, labels and signs, with the scorer's seed and those after
            it; a score is the mean over them. Noisy proxies rank better for it; the time grows
            with it, the memory does not.
        inputs: a batch of the user's own, of shape (batch, *input_shape), in place of N(0, 1).
        initialisation: ``"kaiming_normal"`` draws fresh weights, ``"keep"`` takes the network's.
        blocks: names of the modules whose outputs bound the blocks; found by tracing where None.
        autocast: run the forward under autocast to this type.
        channels_last: lay images and their weights out with channels last, which is faster on
            CPUs and tensor cores. The numbers agree to rounding.
        forward: how to call the network; ``model(x)`` by default.
        loss: the network's output and the targets in, a scalar out. By default the cross entropy of
            the output's first tensor, classes on axis 1; of a single logit, the binary one.
        targets: of the batch; random classes where None.
        second: inputs and targets of a second batch, for proxies that compare two; drawn where
            None and ``inputs`` is None too.
        cotangents: entries of +1 and -1 of a given shape for the n-th block pair, in place of
            random ones (tests and exact replays).
    """

    input_shape: tuple[int, ...] = ()
    batch_size: int = 64
    repeats: int = 1
    inputs: Tensor | None = field(default=None, compare=False)
    initialisation: Literal["kaiming_normal", "keep"] = "kaiming_normal"
    blocks: tuple[str, ...] | None = None
    autocast: torch.dtype | None = None
    channels_last: bool = True
    forward: Forward | None = None
    loss: Callable[[Any, Any], Tensor] | None = None
    targets: Tensor | None = field(default=None, compare=False)
    second: tuple[Tensor, Tensor | None] | None = field(default=None, compare=False)
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
        for name, given in (("targets", self.targets), ("second", self.second)):
            if given is not None and self.inputs is None:
                raise InvalidArgument(f"{name} without inputs: pass the inputs that it belongs to")
        if self.targets is not None and len(self.targets) != self.batch_size:
            raise InvalidArgument(
                f"targets of length {len(self.targets)} for {self.batch_size} inputs: "
                "pass one target an input"
            )
        if self.batch_size < 2:
            raise InvalidArgument(
                f"batch_size={self.batch_size}: pass 2 or more, the statistics are over a batch"
            )
        if not isinstance(self.repeats, int) or self.repeats < 1:
            raise InvalidArgument(f"repeats={self.repeats!r}: pass a number of draws, 1 or more")
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

    @property
    def fresh(self) -> bool:
        """Whether weights are drawn anew, so that an output without life is no intention."""
        return self.initialisation != "keep"

    def batch(self, device: torch.device, dtype: torch.dtype, rng: torch.Generator) -> Tensor:
        """The input batch on the network's device, of shape (batch, *input_shape)."""
        if self.inputs is None:
            return self.noise(device, dtype, rng)
        return self._placed(self.inputs, device, dtype)

    def second_batch(
        self, device: torch.device, dtype: torch.dtype, rng: torch.Generator
    ) -> tuple[Tensor, Tensor | None]:
        """Inputs of another batch, and its targets if they were given.

        Raises:
            MissingStatistic: if the user gave one batch only.
        """
        if self.second is not None:
            x, targets = self.second
            return self._placed(x, device, dtype), targets
        if self.inputs is not None:
            raise MissingStatistic(
                "reads gradients of two batches, got inputs of one: pass second=(inputs, targets)"
            )
        return self.noise(device, dtype, rng), None

    def noise(self, device: torch.device, dtype: torch.dtype, rng: torch.Generator) -> Tensor:
        """A batch of N(0, 1) on the network's device, of shape (batch, *input_shape)."""
        drawn = torch.float64 if dtype == torch.float64 else torch.float32
        shape = (self.batch_size, *self.input_shape)
        return self._laid(torch.randn(shape, generator=rng, dtype=drawn, device=device).to(dtype))

    def _placed(self, x: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
        # A copy: the network may write into its input.
        kind = dtype if x.is_floating_point() else x.dtype
        return self._laid(x.to(device=device, dtype=kind, copy=True))

    def _laid(self, x: Tensor) -> Tensor:
        if self.channels_last and x.dim() == 4:
            x = x.contiguous(memory_format=torch.channels_last)
        return x


@dataclass(frozen=True)
class Reading:
    """What one probe brings to the host: for each measure, one statistic a layer, in order."""

    layers: tuple[str, ...]
    statistics: tuple[tuple[tuple[str, Float[ndarray, "..."]], ...], ...]
    """Per measure: (layer name, float64 array) for each layer that the measure did not skip."""
    errors: Mapping[int, Exception] = field(default_factory=dict)
    """What the measures raised that could not read, by their place."""
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


class Gathered:
    """The small results of one probe, on the device until the end.

    Attributes:
        layers: names of what was read, in order.
        columns: for each measure, its statistics.
        errors: of the measures that raised, by their place.
    """

    def __init__(self, measures: Sequence[Measure]) -> None:
        self.measures = tuple(measures)
        self.layers: list[str] = []
        self.columns: list[Column] = [[] for _ in measures]
        self.errors: dict[int, Exception] = {}

    def read(self, name: str, evidence: Any) -> None:
        """Let every measure read the evidence of one layer; what is None is skipped.

        A measure that raises costs its own column only, from then on.
        """
        for place, measure in enumerate(self.measures):
            if place in self.errors:
                continue
            try:
                statistic = measure(evidence)
            except Exception as error:
                self.errors[place] = freed(error)
                continue
            if statistic is not None:
                # A number of Python's own stays on the host, in full precision.
                kind = None if isinstance(statistic, Tensor) else torch.float64
                self.columns[place].append((name, torch.as_tensor(statistic, dtype=kind)))
        self.layers.append(name)


def freed(error: Exception) -> Exception:
    """The error without its frames, whose tensors would stay while the other probes run.

    After an error of memory, that is what the others need.
    """
    # An error may be its own cause.
    left: list[BaseException | None] = [error]
    while left:
        found = left.pop()
        if found is not None and found.__traceback__ is not None:
            found.__traceback__ = None
            left += [found.__cause__, found.__context__]
    return error


def to_host(layers: Sequence[str], gathered: Sequence[Column]) -> Reading:
    """The reading on the host, in one transfer, which is the probe's only synchronisation."""
    tensors = [tensor for column in gathered for _, tensor in column]
    arrays = iter(_arrays(tensors))
    return Reading(
        tuple(layers),
        tuple(tuple((layer, next(arrays)) for layer, _ in column) for column in gathered),
    )


def _arrays(tensors: Sequence[Tensor]) -> list[Any]:
    """The tensors as float64 arrays, those of the network's device in one transfer."""
    if not tensors:
        return []
    device = next((t.device for t in tensors if t.device.type != "cpu"), tensors[0].device)
    # Metal has no float64.
    exact = torch.float32 if device.type == "mps" else torch.float64
    there = [tensor for tensor in tensors if tensor.device == device]
    flat = torch.cat([tensor.detach().reshape(-1).to(exact) for tensor in there])
    values = np.asarray(flat.cpu().numpy(), dtype=np.float64)
    pieces = iter(np.split(values, np.cumsum([tensor.numel() for tensor in there])[:-1]))
    return [
        # Python's own numbers never left the host.
        (next(pieces) if tensor.device == device else tensor.numpy()).reshape(tuple(tensor.shape))
        for tensor in tensors
    ]
