"""What one hands over: a found network with its card, and the curves of many searches as a page."""

from zc_plugins.report.curves import Curve, read_curves
from zc_plugins.report.curves_page import curves_page
from zc_plugins.report.load import load
from zc_plugins.report.save import save
from zc_plugins.report.search_plot import search_plot
from zc_plugins.report.write_onnx import write_onnx

__all__ = ["Curve", "curves_page", "load", "read_curves", "save", "search_plot", "write_onnx"]
