"""A headless browser that remembers what went wrong, for the pages that users open."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def browsed(*, quiet: bool = True) -> Iterator[tuple[Any, list[str]]]:
    """A page of Chromium, and a list that errors, dialogs and requests of other hosts fill.

    Skips the test where playwright or a browser is missing.

    Args:
        quiet: whether console warnings count as errors too.
    """
    reason = "needs playwright and chromium: pip install -e '.[dev]', apt-get install chromium"
    api = pytest.importorskip("playwright.sync_api", reason=reason)
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(reason)
    wrong: list[str] = []
    levels = ("error", "warning") if quiet else ("error",)
    with api.sync_playwright() as player:
        browser = player.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.on("console", lambda m: wrong.append(m.text) if m.type in levels else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: wrong.extend(_elsewhere(request.url)))
        try:
            yield page, wrong
        finally:
            browser.close()


def _elsewhere(url: str) -> list[str]:
    own = ("file:", "data:", "blob:", "http://127.0.0.1:")
    return [] if url.startswith(own) else [f"request of {url}"]
