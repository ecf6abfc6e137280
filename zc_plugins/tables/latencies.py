"""Measured latencies of NAS-Bench-201's cells on 30 devices and batch sizes."""

from __future__ import annotations

from pathlib import Path

from zc_plugins.errors import InvalidArgument
from zc_plugins.tables._columns import numbers, parquet_columns
from zc_plugins.tables.nasbench201 import nasbench201, short_name

_HW_NAS_BENCH, _HELP, _BRP_NAS = (
    "nb201_hw_nas_bench.parquet", "nb201_latency_help.parquet", "nb201_latency_i7.parquet"
)  # fmt: skip

_GPUS = ("1080ti", "2080ti", "titan_rtx", "titanx", "titanxp")
_OF_HELP = (
    *(f"{gpu}_{batch}" for gpu in _GPUS for batch in (1, 32, 256)),
    *("gold_6226", "gold_6240", "silver_4114", "silver_4210r"),
    *("pixel2", "samsung_a50", "samsung_s7", "essential_ph_1"),
)
DEVICES = {
    **dict.fromkeys(("edgegpu", "raspi4", "edgetpu", "pixel3", "eyeriss", "fpga"), _HW_NAS_BENCH),
    **dict.fromkeys(_OF_HELP, _HELP),
    "i7_7820x": _BRP_NAS,
}
"""The file that knows each device. A number at the end of a GPU's name is the batch size."""


def latencies(folder: str | Path | None, device: str, dataset: str = "cifar10") -> dict[str, float]:
    """Seconds that inference takes by architecture, as measured by others.

    Args:
        folder: where ``nb201_main.parquet`` and the device's file in ``DEVICES`` lie; None looks in
            ``data.folders()``.
        device: a key of ``DEVICES``.
        dataset: ``"cifar10"``; for HW-NAS-Bench's devices (the first six) also ``"cifar100"`` or
            ``"imagenet16-120"``.

    Returns:
        Seconds of one pass by the published string, of a batch of the size that a GPU's name tells;
        for the other devices the files name none. NaN where the device cannot run the cell (4,699
        on the Edge TPU) or none is recorded (341 cells without a path, on the i7; phone and
        Raspberry Pi do next to nothing for these, some microseconds).

    Raises:
        InvalidArgument: if the device or data set is another one, or a file is not there.
        MissingExtra: without pyarrow.

    References:
        Li et al., HW-NAS-Bench, ICLR 2021, arXiv:2103.10584; Lee et al., HELP, NeurIPS 2021,
        arXiv:2106.08630; Dudziak et al., BRP-NAS, NeurIPS 2020, arXiv:2007.08668.
    """
    if device not in DEVICES:
        raise InvalidArgument(f"device={device!r}: pass one of {tuple(DEVICES)}")
    short, file = short_name(dataset), DEVICES[device]
    if file != _HW_NAS_BENCH and dataset != "cifar10":
        raise InvalidArgument(
            f"dataset={dataset!r}, device={device!r}: that device was measured on cifar10 only"
        )
    column = {
        _HW_NAS_BENCH: f"{short}_{device}_latency_ms",
        _HELP: device,
        _BRP_NAS: f"{device}_fp32_ms",
    }[file]
    table = parquet_columns(folder, file, ["index", column])
    architectures = nasbench201(folder, dataset).architectures
    places = numbers(table, "index").astype(int).tolist()
    seconds = (numbers(table, column) / 1000).tolist()
    return {architectures[place]: s for place, s in zip(places, seconds, strict=True)}
