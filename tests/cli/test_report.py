"""``zc-plugins report``: the page is written, and what is wrong is told in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.report.test_curves import GOOD
from zc_plugins.cli._app import app


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["report", *map(str, arguments)])
    return done.exit_code, done.output


@pytest.fixture
def results(tmp_path: Path) -> Path:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install -e '.[dev]'")
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "t.csv").write_text(GOOD)
    (folder / "t.json").write_text('{"seeds": 1, "note": "<b>"}')
    (folder / "another.json").write_text("unrelated")
    return folder


def test_a_folder_becomes_a_page(results: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    code, printed = run(results, "--out", page)
    assert (code, "3 curves of 2 problems" in printed) == (0, True)
    shown = page.read_text()
    assert shown.count("<svg") == 2
    assert "&lt;b&gt;" in shown
    assert "unrelated" not in shown


def test_a_file_and_some_of_its_problems(results: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    code, _ = run(results / "t.csv", "--out", page, "--problem", "t", "--method", "b")
    assert code == 0
    shown = page.read_text()
    assert shown.count("<svg") == 1
    assert "&quot;seeds&quot;: 1" in shown
    # The one that is asked for has a colour, the other one none.
    assert shown.count("background:#c7c7c7") == 1


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--problem", "x"), "'x' is none of ['t', 'u']"),
        (("--method", "x"), "'x' is none of ['a', 'b']"),
        (("--out", "nowhere/page.html"), "cannot be written"),
    ],
)
def test_what_is_wrong_is_told(
    results: Path, tmp_path: Path, more: tuple[str, ...], told: str
) -> None:
    code, printed = run(results, "--out", tmp_path / "page.html", *more)
    assert code == 1
    assert told in printed
    assert not (tmp_path / "page.html").exists()
