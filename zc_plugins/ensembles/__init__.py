"""Ensembles: a score table in, one number a candidate out; higher is better."""

from zc_plugins._registry import Shelf
from zc_plugins.ensembles._ensemble import Ensemble

SHELF: Shelf[Ensemble] = Shelf("ensemble", __name__)

__all__ = ["SHELF", "Ensemble"]
