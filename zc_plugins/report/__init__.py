"""What one hands over: the network that a search has found, with a card that tells all of it."""

from zc_plugins.report.load import load
from zc_plugins.report.save import save
from zc_plugins.report.search_plot import search_plot
from zc_plugins.report.write_onnx import write_onnx

__all__ = ["load", "save", "search_plot", "write_onnx"]
