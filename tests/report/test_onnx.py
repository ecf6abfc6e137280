"""The ONNX file computes what the network computes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.report import results
from tests.report.results import IMAGES
from zc_plugins.errors import InvalidArgument, MissingExtra
from zc_plugins.report import save, write_onnx

runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")


def output(path: Path, x: torch.Tensor) -> Any:
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {"input": x.numpy()})[0]


@pytest.mark.parametrize("make", [results.of_stages, results.of_cells])
def test_equals_the_network_at_any_batch(tmp_path: Path, make: Any) -> None:
    save(make(), tmp_path / "f", input_shape=IMAGES, onnx=True, seed=3)
    network = make().build(seed=3).eval()
    for batch in (1, 5):
        x = torch.randn(batch, *IMAGES, generator=torch.Generator().manual_seed(batch))
        with torch.inference_mode():
            expected = network(x).numpy()
        np.testing.assert_allclose(
            output(tmp_path / "f" / "network.onnx", x), expected, rtol=1e-4, atol=1e-5
        )
    assert "trained.onnx" in (tmp_path / "f" / "README.md").read_text()


def test_trained_weights_and_the_network_stays_as_it_was(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 2))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    network(torch.randn(16, 4)).square().mean().backward()
    optimizer.step()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.get_rng_state()
    write_onnx(network, tmp_path / "x.onnx", (4,))
    assert network.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(p.grad is not None for p in network.parameters())
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
    x = torch.randn(3, 4)
    with torch.inference_mode():
        expected = network.eval()(x).numpy()
    np.testing.assert_allclose(output(tmp_path / "x.onnx", x), expected, rtol=1e-5, atol=1e-6)


class Fickle(nn.Linear):
    def forward(self, x: Any) -> Any:
        return super().forward(x) if float(x.sum()) > 0 else super().forward(-x)


def test_what_cannot_be_exported(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"Fickle cannot be exported.*without an ONNX file"):
        write_onnx(Fickle(4, 2), tmp_path / "x.onnx", (4,))


@pytest.mark.parametrize("package", ["onnx", "onnxscript"])
def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=r"zc-plugins\[onnx\]"):
        save(results.of_a_builder(), tmp_path / "f", input_shape=(4,), onnx=True)
    assert not (tmp_path / "f").exists()
