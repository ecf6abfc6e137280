"""Whatever text a parser is given: what it gives back is sound, or the error is one of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults import quietly
from tests.spaces.test_record import SPACES
from zc_plugins import Excitation, ModuleSpace, Scorer
from zc_plugins.data._index import INDEX, recorded
from zc_plugins.discovery import Expression, parse, parse_json
from zc_plugins.discovery.bank import Bank
from zc_plugins.discovery.expression import DEEPEST
from zc_plugins.discovery.operators import OPERATORS
from zc_plugins.discovery.terminals import TERMINALS
from zc_plugins.errors import InvalidArgument, ZeroCostError
from zc_plugins.predictors.mixer import load as load_mixer
from zc_plugins.reference import Reference
from zc_plugins.report import load
from zc_plugins.scores import ScoreTable
from zc_plugins.search import search
from zc_plugins.spaces._backbone import Backbone
from zc_plugins.spaces.stages import Stages

DEEP = 200_000
HUGE = "9" * 5_000
"""A number of more digits than Python reads."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=6,
)


def edited(text: str) -> st.SearchStrategy[str]:
    """The text with pieces of its own put elsewhere, left out, or replaced by others."""
    place = st.integers(0, len(text))
    piece = st.tuples(place, st.integers(0, 9)).map(lambda cut: text[cut[0] : sum(cut)])
    new = (
        piece | st.text(max_size=4) | st.sampled_from(["", "0", "-1", "٣", "²", "1e9", "NaN", "\0"])
    )
    edit = st.tuples(place, st.integers(0, 6), new)

    def applied(edits: list[tuple[int, int, str]]) -> str:
        found = text
        for start, length, by in edits:
            found = found[:start] + by + found[start + length :]
        return found

    return st.lists(edit, min_size=1, max_size=3).map(applied)


def altered(content: Any) -> st.SearchStrategy[Any]:
    """A JSON value in which one part, at any depth, is something else or missing."""
    choices = [JSON]
    if isinstance(content, dict):
        for name, held in content.items():
            rest = {n: v for n, v in content.items() if n != name}
            choices += [
                st.just(rest),
                altered(held).map(lambda v, rest=rest, name=name: {**rest, name: v}),
            ]
    elif isinstance(content, list):
        for place, held in enumerate(content[:3]):
            rest_of = content[:place], content[place + 1 :]
            choices += [
                st.just([*rest_of[0], *rest_of[1]]),
                altered(held).map(lambda v, r=rest_of: [*r[0], v, *r[1]]),
            ]
    return st.one_of(choices)


def ours(act: Callable[[], Any]) -> Any:
    """What the act gives; None where it raises an error of ours. Any other error fails the test."""
    try:
        return act()
    except ZeroCostError:
        return None


# Architectures


def decoded_soundly(space: Any, text: str) -> None:
    architecture = ours(lambda: space.decode(text))
    if architecture is not None:
        again = space.decode(space.encode(architecture))
        assert again == architecture
        space.canonical(architecture)


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name[:30])
def test_texts_of_architectures(space: Any) -> None:
    texts = [space.encode(space.sample(np.random.default_rng(seed))) for seed in range(3)]

    @quietly(40)
    @given(st.one_of(st.text(max_size=40), *map(edited, texts)))
    def holds(text: str) -> None:
        decoded_soundly(space, text)

    holds()
    for text in texts:
        for digit in set(filter(str.isdecimal, text)):
            decoded_soundly(space, text.replace(digit, HUGE, 1))
    decoded_soundly(space, "|" * DEEP)


def test_texts_of_a_builder() -> None:
    space = ModuleSpace(lambda trial: None)  # type: ignore[arg-type, return-value]

    @quietly(60)
    @given(st.text(max_size=30) | JSON.map(json.dumps))
    def holds(text: str) -> None:
        ours(lambda: space.decode(text))

    holds()
    for text in ("[" * DEEP, '{"a":' * DEEP, f'{{"a": {HUGE}}}'):
        with pytest.raises(InvalidArgument, match="no JSON object"):
            space.decode(text)


# Expressions


WORDS = st.sampled_from([*OPERATORS, *TERMINALS, "(", ")", ",", " ", "T9", "é"])


@quietly(200)
@given(st.text(max_size=30) | st.lists(WORDS, max_size=12).map("".join))
def test_texts_of_expressions(text: str) -> None:
    found = ours(lambda: parse(text))
    assert found is None or parse(str(found)) == found


@quietly(120)
@given(edited("fro(sigmoid(logdet(sign(T3GN))))") | edited("log(mul(fro(T2GN), l1(T3)))"))
def test_edited_expressions(text: str) -> None:
    found = ours(lambda: parse(text))
    assert found is None or isinstance(found, Expression)


@pytest.mark.parametrize("head", ["abs(", "add(T3,", "(", "no_such(", "T3("])
def test_deep_expressions(head: str) -> None:
    with pytest.raises(InvalidArgument):
        parse(head * DEEP)
    with pytest.raises(InvalidArgument):
        parse(head * (DEEPEST + 1) + "T3" + ")" * (DEEPEST + 1))


def test_the_deepest_expression_is_read_printed_and_drawn() -> None:
    found = parse("abs(" * DEEPEST + "T3" + ")" * DEEPEST)
    assert found.depth == DEEPEST
    assert parse(str(found)) == found
    assert parse_json(found.json) == found
    assert found.latex


# JSON


REFERENCE = Reference("space", "s", ScoreTable(["a", "b"], [[1, 2], [3, np.nan]], ["x", "y"]))
BACKBONE = Stages().sample(np.random.default_rng(0))
TEXTS: dict[str, tuple[Callable[[str], Any], str]] = {
    "reference": (Reference.from_json, REFERENCE.to_json()),
    "backbone": (Backbone.from_json, BACKBONE.to_json()),
    "expression": (parse_json, parse("mean(T3)").json),
}


@pytest.mark.parametrize("case", TEXTS)
def test_json(case: str) -> None:
    read, text = TEXTS[case]
    assert read(text) is not None

    @quietly(120)
    @given(st.text(max_size=20) | altered(json.loads(text)).map(json.dumps) | edited(text))
    def holds(text: str) -> None:
        ours(lambda: read(text))

    holds()
    for deep in ("[" * DEEP, '{"values":' * DEEP):
        with pytest.raises(InvalidArgument):
            read(deep)
    numbers = [text.replace(digit, HUGE[:400]) for digit in "123"]
    for changed in (*numbers, text.replace("1", HUGE), text.replace("3", HUGE)):
        ours(lambda changed=changed: read(changed))  # type: ignore[misc]


# Files


def file_in(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder


def bank_in(folder: Path) -> None:
    columns, starts = (parse("mean(T3)"),), np.array([0, 2])
    Bank(columns, np.zeros((1, 2), np.float32), starts, ("n",), ("",), "s").save(folder)


def written(name: str, folder: Path) -> bytes:
    """A sound file of the kind."""
    if name == "index.json":
        bank_in(folder)
        return (folder / name).read_bytes()
    if name == INDEX:
        record = {"name": "a", "source": "b", "size": 1, "sha256": "c", "format": "csv"}
        return json.dumps([record]).encode()
    content = {
        "zc_plugins_architecture": 1,
        "architecture": SPACES[2].encode(SPACES[2].sample(np.random.default_rng(0))),
        "space": {
            "name": SPACES[2].name,
            "record": {"class": "zc_plugins.spaces.nasbench201.NasBench201", "arguments": {}},
        },
    }
    return json.dumps(content).encode()


FILES: dict[str, Callable[[Path], Any]] = {
    "index.json": Bank.open,
    INDEX: recorded,
    "architecture.json": load,
}


@pytest.mark.parametrize("name", FILES)
def test_files(name: str, tmp_path: Path) -> None:
    read, sound = FILES[name], written(name, tmp_path)
    assert read(file_in(tmp_path, name, sound))

    @quietly(100)
    @given(
        st.binary(max_size=30)
        | altered(json.loads(sound)).map(lambda held: json.dumps(held).encode())
        | edited(sound.decode()).map(lambda text: text.encode("utf-8", "surrogatepass"))
    )
    def holds(content: bytes) -> None:
        ours(lambda: read(file_in(tmp_path, name, content)))

    holds()
    for odd in (b"[" * DEEP, b'{"space":' * DEEP, b"\xff\xfe", b""):
        with pytest.raises(InvalidArgument):
            read(file_in(tmp_path, name, odd))


@quietly(30)
@given(st.binary(max_size=60))
def test_values_of_a_bank(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("bank")
    bank_in(folder)
    sound = (folder / "values.npy").read_bytes()
    for odd in (content, sound[: len(sound) // 2] + content, b"\x93NUMPY\x01\x00" + content):
        ours(lambda odd=odd: Bank.open(file_in(folder, "values.npy", odd)))  # type: ignore[misc]


@quietly(30)
@given(st.binary(max_size=60))
def test_mixers(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("mixer") / "mixer.safetensors"
    for odd in (content, len(content).to_bytes(8, "little") + content):
        path.write_bytes(odd)
        with pytest.raises(InvalidArgument):
            load_mixer(path)


def test_journals(tmp_path: Path) -> None:
    path, space = tmp_path / "search.jsonl", Stages()
    scorer = Scorer(["params"], Excitation((3, 32, 32)), device="cpu")
    search(space, scorer, candidates=3, journal=path)
    sound = path.read_bytes()
    lines = sound.splitlines(keepends=True)

    @quietly(40)
    @given(
        st.binary(max_size=20)
        | altered(json.loads(lines[-1])).map(lambda v: json.dumps(v).encode())
    )
    def holds(line: bytes) -> None:
        path.write_bytes(b"".join([*lines[:-1], line, b"\n"]))
        ours(lambda: search(space, scorer, candidates=3, journal=path))

    holds()
    path.write_bytes(sound + b"[" * DEEP + b"\n")
    with pytest.raises(InvalidArgument, match="damaged in line"):
        search(space, scorer, candidates=3, journal=path)
