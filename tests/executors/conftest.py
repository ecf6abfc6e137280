"""One small Ray and one small Dask cluster for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import pytest
import ray
from distributed import Client, LocalCluster

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """Of two cores, with nothing of Ray's that tests do not need."""
    ray.init(
        num_cpus=2,
        num_gpus=0,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        object_store_memory=80 * 2**20,
        runtime_env={"env_vars": {"PYTHONPATH": str(ROOT), "RAY_DEDUP_LOGS": "0"}},
    )
    yield
    ray.shutdown()


@pytest.fixture(scope="session")
def dask_client() -> Iterator[Any]:
    """Of two processes; Dask itself does not try again what killed a worker."""
    # A scheduler with no worker for a second would say so on the way out.
    settings = {"distributed.scheduler.allowed-failures": 0}
    with (
        dask.config.set(settings),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client
