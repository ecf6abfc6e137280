"""A ranking as CSV, JSON and a page of HTML."""

from __future__ import annotations

import csv
import html
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zc_plugins._printable import printable
from zc_plugins.cli._screen import short
from zc_plugins.errors import InvalidArgument

Record = Mapping[str, Any]
"""One candidate: rank, name, aggregate, its scores, seconds and note; None where no number is."""


def write(
    records: Sequence[Record],
    settings: Mapping[str, Any],
    *,
    csv_file: Path | None,
    json_file: Path | None,
    html_file: Path | None,
) -> None:
    """Write those files that are asked for, in UTF-8.

    Args:
        records: one or more, best first, of the same keys.
        settings: what the ranking depends on.

    Raises:
        InvalidArgument: if a file cannot be written.
    """
    try:
        if csv_file is not None:
            with _opened(csv_file) as file:
                writer = csv.DictWriter(file, list(records[0]))
                writer.writeheader()
                writer.writerows(records)
        if json_file is not None:
            content = {"settings": settings, "candidates": records}
            with _opened(json_file) as file:
                json.dump(content, file, indent=2, allow_nan=False)
        if html_file is not None:
            with _opened(html_file) as file:
                file.write(page(records, settings))
    except OSError as error:
        raise InvalidArgument(f"{error.filename!r} cannot be written: {error.strerror}") from error


def checked_place(path: Path | None) -> None:
    """Refuse a file that cannot be written before the work begins.

    Raises:
        InvalidArgument: if its folder is missing, or if it is a folder itself.
    """
    if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
        raise InvalidArgument(f"{str(path)!r} cannot be written: pass a file in a folder that is")


def finite(value: float) -> float | None:
    """The number, or None for what JSON has no word for."""
    return float(value) if math.isfinite(value) else None


def page(records: Sequence[Record], settings: Mapping[str, Any]) -> str:
    """One page that needs nothing else; all texts are escaped."""
    facts = "".join(f"<dt>{_safe(k)}</dt><dd>{_safe(v)}</dd>" for k, v in settings.items())
    head = "".join(f"<th>{_safe(name)}</th>" for name in records[0])
    body = "\n".join(
        f"<tr>{''.join(_cell(value) for value in record.values())}</tr>" for record in records
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f"<title>Ranking of {_safe(settings.get('target', 'a pool'))}</title>\n"
        f"<style>{_STYLE}</style></head>\n<body><h1>Ranking</h1>\n<dl>{facts}</dl>\n"
        f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>\n"
        "<p>Scores at initialisation, without training. Ranks compare these candidates only.</p>\n"
        "</body></html>\n"
    )


def _opened(path: Path) -> Any:
    return path.open("w", encoding="utf-8", errors="backslashreplace", newline="")


def _cell(value: Any) -> str:
    kind = ' class="number"' if isinstance(value, (int, float)) else ""
    return f"<td{kind}>{_safe(short(value))}</td>"


def _safe(value: Any) -> str:
    return html.escape(printable(str(value)))


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem;color:#222;background:#fff}"
    "table{border-collapse:collapse}th,td{padding:.3rem .7rem;border-bottom:1px solid #ccc;"
    "text-align:left;vertical-align:top}.number{text-align:right;"
    "font-variant-numeric:tabular-nums}tbody tr:nth-child(even){background:#f4f4f4}"
    "dl{display:grid;grid-template-columns:max-content auto;gap:0 1rem}dt{color:#555}dd{margin:0}"
)
