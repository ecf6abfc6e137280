"""Conformance suites for proxies, probes, ensembles and spaces of your own.

Each is a plain function for your tests; it raises ``AssertionError`` with what is wrong.
"""

from zc_plugins.testing.check_ensemble import check_ensemble
from zc_plugins.testing.check_probe import check_probe
from zc_plugins.testing.check_proxy import check_proxy
from zc_plugins.testing.check_space import check_space
from zc_plugins.testing.synchronisations import Synchronisations, count_synchronisations

__all__ = [
    "Synchronisations",
    "check_ensemble",
    "check_probe",
    "check_proxy",
    "check_space",
    "count_synchronisations",
]
