"""The site: every snippet runs, every link leads somewhere, and nothing comes from elsewhere."""

from __future__ import annotations

import csv
import importlib.util
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import typer.main
from filelock import FileLock

from tests.snippets import STAND_IN, made_smaller, snippets
from zc_plugins.cli._app import app
from zc_plugins.proxies import SHELF as PROXIES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
NEEDS = {"guides/nni.md": "nni"}
"""What a page's snippets and commands cannot do without."""

PAGES = {
    name: path.read_text()
    for path in sorted(DOCS.rglob("*.md"))
    for name in [path.relative_to(DOCS).as_posix()]
    if name not in NEEDS or importlib.util.find_spec(NEEDS[name])
}
WITH_SNIPPETS = [name for name, page in PAGES.items() if snippets(page)]
APART = {"guides/nni.md", "guides/evolve.md", "guides/scale-out.md"} & set(WITH_SNIPPETS)
"""NNI writes into its home, workers import their script, and checked shapes slow evolution."""

COMMANDS = re.findall(
    r"^zc-plugins .*", "\n".join([*PAGES.values(), (ROOT / "README.md").read_text()]), re.MULTILINE
)
FROM_ELSEWHERE = {("link", "href"), ("script", "src"), ("img", "src"), ("iframe", "src")}


class Page(HTMLParser):
    """Addresses, names that may be jumped to, and text; none of a file other than HTML."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []
        self.names: set[str] = set()
        self.text = ""
        self.feed(path.read_text() if path.suffix == ".html" else "")
        self.text = " ".join(self.text.split())

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.found.append((tag, name, value))
            if name in ("id", "name") and value:
                self.names.add(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Page]:
    """The built site's pages by their paths; a warning of mkdocs is an error.

    Workers of pytest-xdist have folders beside each other: the second one reads what is built.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    built, folder = folder / "site is built", folder / "site"
    with FileLock(folder.with_suffix(".lock")):
        if not built.exists():
            done = subprocess.run(
                [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"},
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            built.touch()
    return {
        path.relative_to(folder).as_posix(): Page(path)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("page", [page for page in WITH_SNIPPETS if page not in APART])
def test_snippets(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Some write files.
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    for snippet in [STAND_IN, *map(made_smaller, snippets(PAGES[page]))]:
        exec(compile(snippet, page, "exec"), names)


@pytest.mark.parametrize("page", sorted(APART))
def test_snippets_in_a_process_of_their_own(page: str, tmp_path: Path) -> None:
    script = STAND_IN + "\n".join(map(made_smaller, snippets(PAGES[page])))
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "CI": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_links(site: dict[str, Page]) -> None:
    for page, links in site.items():
        for tag, attribute, address in links.found:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                assert (tag, attribute) not in FROM_ELSEWHERE, f"{page} loads {address}"
                continue
            # The page for what is not found has addresses from the site's root.
            base = ROOT if parts.path.startswith("/") else ROOT / Path(page).parent
            target = os.path.normpath(base / unquote(parts.path).lstrip("/"))
            there = Path(target).relative_to(ROOT).as_posix()
            if not parts.path:
                there = page
            elif there not in site:
                there = f"{there}/index.html".removeprefix("./")
            assert there in site, f"{page}: {address}"
            if parts.fragment:
                assert unquote(parts.fragment) in site[there].names, f"{page}: {address}"


def test_every_proxy_has_a_page_of_facts(site: dict[str, Page]) -> None:
    """Costs and correlations are those of the committed results."""
    with (ROOT / "benchmarks" / "results" / "every_proxy.csv").open() as file:
        rows = list(csv.DictReader(file))
    speed = (ROOT / "benchmarks" / "results" / "speed_sets.txt").read_text()
    for name in PROXIES:
        text = site[f"proxies/{name}/index.html"].text
        proxy = PROXIES[name]
        assert f"{'higher' if proxy.higher_is_better else 'lower'} is better" in text
        assert f"{proxy.measure.__module__}.{proxy.measure.__name__}" in text
        assert ("of a training step" in text) == (f"\n{name} alone " in speed)
        measured = [row for row in rows if row["scorer"] == name]
        assert measured or "Not measured" in text
        for row in measured:
            line = (
                f"{row['task']} {row['scored']} of {row['networks']} {float(row['tau']):.2f} "
                f"{float(row['low']):.2f} to {float(row['high']):.2f}"
            )
            assert line.replace("-0.00", "0.00") in text, name
    assert len(rows) > 500


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_and_their_options_exist(command: str) -> None:
    found: Any = typer.main.get_command(app)
    words = command.split()[1:]
    while hasattr(found, "commands"):
        found = found.commands[words.pop(0)]
    known = {option for parameter in found.params for option in parameter.opts}
    assert {word.split("=")[0] for word in words if word.startswith("--")} <= known
