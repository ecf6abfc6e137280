"""A figure of plotly as a part of a page that loads nothing."""

from __future__ import annotations

from typing import Any

from zc_plugins._optional import require


def element(figure: Any, name: str) -> str:
    """The figure as HTML; the page's scripts must hold ``code``.

    Args:
        figure: of plotly.
        name: of the element, one in the page.
    """
    # Networks of others are nobody's to upload.
    config = {"displaylogo": False, "responsive": True, "showSendToCloud": False}
    return str(figure.to_html(full_html=False, include_plotlyjs=False, div_id=name, config=config))


def code() -> str:
    """All of plotly.js, 5 MB.

    Raises:
        MissingExtra: if plotly is not installed.
    """
    return str(require("plotly.offline", extra="report").get_plotlyjs())
