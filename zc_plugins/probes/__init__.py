"""Instrumented passes: the only place that hooks or alters a network, and leaves no fingerprint."""

from zc_plugins._registry import Shelf
from zc_plugins.probes._probe import Excitation, Measure, Probe, Reading
from zc_plugins.probes._read import readings

SHELF: Shelf[Probe] = Shelf("probe", __name__)

__all__ = ["SHELF", "Excitation", "Measure", "Probe", "Reading", "readings"]
