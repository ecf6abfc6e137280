"""Regret curves: what is read, what they come to by hand, and the page."""

from __future__ import annotations

import gzip
import math
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from zc_plugins.errors import InvalidArgument
from zc_plugins.report import curves_page, read_curves
from zc_plugins.report.curves import (
    COLUMNS,
    Curve,
    area,
    band,
    by_method,
    regrets,
    seconds_to_reach,
)

NASTY = "<script>alert('$x_1$')</script>&\x1b[31m"


def curve(
    seconds: list[float], regret: list[float], seed: int = 0, method: str = "random"
) -> Curve:
    trainings = np.arange(len(seconds), dtype=float)
    return Curve(
        "table", method, seed, np.array(seconds, float), trainings, np.array(regret, float)
    )


def text(*lines: str) -> str:
    return "\n".join([",".join([*COLUMNS, "more"]), *lines]) + "\n"


GOOD = text("t,a,0,0,0,8,x", "t,a,0,10,1,2,x", "t,b,0,0,0,8,x", "t,b,0,5,1,4,x", "u,a,1,1,1,1,x")


def test_a_regret_holds_until_the_next_point() -> None:
    found = curve([1, 10, 100], [8, 4, 1])
    assert np.isnan(found.at(np.array([0.5]), "seconds")).all()
    assert found.at(np.array([1.0, 9, 10, 99, 100, 999]), "seconds").tolist() == [8, 8, 4, 4, 1, 1]
    assert found.at(np.array([0.0, 1, 2, 3]), "trainings").tolist() == [8, 4, 1, 1]


def test_the_area_is_the_mean_over_decades() -> None:
    found = curve([1, 10, 100], [8, 4, 1])
    assert area(found, 1, 1000) == pytest.approx((8 + 4 + 1) / 3)
    assert area(found, 10, 1000) == pytest.approx((4 + 1) / 2)
    assert math.isnan(area(found, 0.1, 1000))
    assert area(found, 10, 10) == 4


def test_seconds_to_reach_are_those_of_the_mean() -> None:
    found = [curve([0, 10], [8, 2]), curve([0, 30], [8, 0], seed=1)]
    assert seconds_to_reach(found, 5) == 10
    assert seconds_to_reach(found, 1) == 30
    assert seconds_to_reach(found, 0.5) == math.inf


def test_the_band_holds_the_mean_and_narrows_with_seeds() -> None:
    rng = np.random.default_rng(0)
    widths = []
    for seeds in (10, 1000):
        values = rng.normal(3, 1, (seeds, 2))
        mean, low, high = band(values)
        assert (low < mean).all()
        assert (mean < high).all()
        widths.append((high - low).mean() * math.sqrt(seeds))
    assert widths[1] == pytest.approx(2 * 1.96, rel=0.1)
    assert regrets([curve([0], [3])], np.array([0.0, 9]), "seconds").tolist() == [[3, 3]]


def test_files_and_folders_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(GOOD)
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(text("v,a,0,1,1,1,x").encode()))
    (tmp_path / "other.csv").write_text("x,y\n1,2\n")
    assert len(read_curves(tmp_path / "a.csv")) == 3
    found = by_method(read_curves(tmp_path))
    assert {name: sorted(methods) for name, methods in found.items()} == {
        "t": ["a", "b"], "u": ["a"], "v": ["a"]
    }  # fmt: skip
    (first,) = found["t"]["a"]
    assert (first.seconds.tolist(), first.regret.tolist()) == ([0, 10], [8, 2])


@pytest.mark.parametrize(
    "content",
    [
        "x,y\n1,2\n",
        text(),
        text("t,a,0,0,0,much"),
        text("t,a,0,0,0,nan"),
        text("t,a,0,9,0,1", "t,a,0,8,1,1"),
        text("t,a"),
        b"\xff\xfe",
    ],
)
def test_a_file_that_is_none_is_told(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InvalidArgument, match=r"pass|read"):
        read_curves(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="not there"):
        read_curves(tmp_path / "none.csv")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(GOOD.encode())[:-12])
    with pytest.raises(InvalidArgument, match="cannot be read"):
        read_curves(tmp_path / "a.csv.gz")


class Elements(HTMLParser):
    """Names, attributes and text of a page, each element closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.values: list[str] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.values += [value or "" for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def page() -> str:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install -e '.[dev]'")
    found = [
        curve([0, 10 + seed, 20 + seed], [8, float(place), 0], seed, method)
        for place, method in enumerate([NASTY, *(f"m{number}" for number in range(9))])
        for seed in range(3)
    ]
    other = [Curve(NASTY, c.method, c.seed, c.seconds, c.trainings, c.regret) for c in found[:6]]
    return curves_page([*found, *other], provenance={NASTY: NASTY}, title=NASTY)


def test_names_are_escaped(page: str) -> None:
    elements = Elements(page)
    assert "script" not in elements.tags
    assert "\x1b" not in page
    shown = "".join(elements.text)
    # The title twice, a heading, a row in each of two tables, and the provenance.
    assert shown.count("<script>alert('$x_1$')</script>&") == 7
    assert elements.tags.count("svg") == 2


def test_the_page_refers_to_nothing_outside(page: str) -> None:
    assert "//" not in page.replace("</", "")
    assert not {"link", "script", "img", "iframe", "object"} & set(Elements(page).tags)
    assert "url(http" not in page


def test_the_plots_of_a_page_share_no_clip_paths(page: str) -> None:
    first, second = page.split("<svg")[1:]
    names = [set(part.split('clipPath id="')[1].split('"')[:1]) for part in (first, second)]
    assert not names[0] & names[1]


def test_the_best_are_coloured_and_the_others_grey(page: str) -> None:
    assert page.count("background:#c7c7c7") == 2


def test_what_makes_no_page_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="no curves"):
        curves_page([])
    with pytest.raises(InvalidArgument, match="at most 8"):
        curves_page([curve([0, 1], [1, 0])], methods=["random"] * 9)
    with pytest.raises(InvalidArgument, match="no seconds"):
        curves_page([curve([0, 0], [1, 0])])
