"""A Gaussian network's answer to a small change of a Gaussian input, without gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from zc_plugins._dry_run import dtype_of, explained
from zc_plugins._pristine import device_of, pristine
from zc_plugins._seeding import generator
from zc_plugins.errors import Unscorable
from zc_plugins.probes._blocks import first_tensor, last_feature, named_run
from zc_plugins.probes._excite import autocast, called, excite
from zc_plugins.probes._probe import Excitation, Gathered, Measure, Reading
from zc_plugins.probes._verdict import with_verdict

GAMMA = 0.01
"""Size of the change."""


@dataclass(frozen=True)
class ChangeEvidence:
    """The last feature map.

    Attributes:
        name: of the module.
        change: mean over the batch of the feature map's summed absolute change, shape ().
    """

    name: str
    change: Tensor


@dataclass(frozen=True)
class NormalisationEvidence:
    """One batch normalisation.

    Attributes:
        name: of the module.
        variances: unbiased variance a channel of what enters it, for the input and for the changed
            input, shape (2, channels).
    """

    name: str
    variances: Tensor


def zen(
    model: nn.Module, excitation: Excitation, measures: Sequence[Measure], *, seed: int
) -> Reading:
    """One ``ChangeEvidence`` of the last feature map, one ``NormalisationEvidence`` a batch norm.

    Fresh weights are N(0, 1), as the authors draw them; normalisation weight 1, biases 0.

    Raises:
        Unscorable: if no feature map carries the whole dataflow.

    References:
        Lin et al., Zen-NAS, ICCV 2021, arXiv:2102.01063, algorithm 1.
    """
    if excitation.integer_dtype is not None:
        raise Unscorable("an integer input cannot be changed a little")
    feature = last_feature(model, excitation.input_shape, forward=excitation.forward)
    gathered = Gathered(measures)
    device = device_of(model)
    rng = generator(seed, device)
    with pristine(model, seed), torch.no_grad():
        excite(model, excitation, rng, gradients=False, in_place=True, gain=None)
        normalisations = _observed(model)
        x = excitation.batch(device, dtype_of(model), rng)
        changed = x + GAMMA * excitation.noise(device, x.dtype, rng)
        features, variances, output = [], [], None
        for entering in (x, changed):
            kept = _Kept(feature)
            handle = model.get_submodule(kept.module).register_forward_hook(kept)
            try:
                output = called(model, entering, excitation)
            except Exception as error:
                raise explained(error, excitation.input_shape) from error
            finally:
                handle.remove()
            features.append(kept.tensor)
            variances.append([_variance(m) for m in normalisations.values()])
        first, second = features
        if first is None or second is None:
            raise Unscorable(f"{feature} gave no feature map")
        with autocast(device, None):
            change = (first - second).abs().sum(
                dtype=torch.float64 if first.dtype == torch.float64 else torch.float32
            ) / len(x)
            for name, one, two in zip(normalisations, *variances, strict=True):
                gathered.read(name, NormalisationEvidence(name, torch.stack([one, two])))
            gathered.read(feature, ChangeEvidence(feature, change))
    return with_verdict(gathered, output, len(x), fresh=excitation.fresh)


class _Kept:
    """A hook that keeps the output of one run of a module."""

    def __init__(self, feature: str) -> None:
        self.module, self._run = named_run(feature)
        self._runs = 0
        self.tensor: Tensor | None = None

    def __call__(self, module: nn.Module, args: Any, output: Any) -> None:
        self._runs += 1
        tensor = first_tensor(output)
        if self._runs == self._run and tensor is not None:
            # What follows may overwrite it.
            self.tensor = tensor.clone()


def _observed(model: nn.Module) -> dict[str, nn.Module]:
    """The batch normalisations, made to hold the variance of the last batch alone."""
    found: dict[str, nn.Module] = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            like = next(iter(model.parameters()))
            ones = torch.ones(module.num_features, device=like.device, dtype=like.dtype)
            module._buffers["running_mean"] = torch.zeros_like(ones)
            module._buffers["running_var"] = ones
            module._buffers["num_batches_tracked"] = None
            vars(module).update(momentum=1.0, track_running_stats=True)
            found[name] = module
    return found


def _variance(module: nn.Module) -> Tensor:
    variance: Any = module._buffers["running_var"]
    return torch.clone(variance)
