"""Pages that mkdocs does not find in docs/: of the proxies, of the reference, of measurements."""

from __future__ import annotations

import re
from pathlib import Path

from _proxy_page import OWN, facts, heading, overview
from _reference_page import ROOMS, reference
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
MEASURED = {"measured.md": ROOT / "benchmarks" / "README.md", "changelog.md": ROOT / "CHANGELOG.md"}
PROXIES = {f"proxies/{name}.md": name for name in OWN}
REFERENCE = {f"reference/{room or 'zc_plugins'}.md": room for room in ROOMS}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Every proxy and every room is in the navigation."""
    assert config.nav is not None
    config.nav += [
        {"Proxies": ["proxies/index.md", *({name: page} for page, name in PROXIES.items())]},
        {"Reference": [{room or "zc_plugins": page} for page, room in REFERENCE.items()]},
        {"Measured": "measured.md"},
        {"Changes": "changelog.md"},
    ]
    config.watch += [str(ROOT / "zc_plugins"), str(ROOT / "benchmarks" / "results")]
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add what is generated; a proxy without a page of prose gets one from its docstring."""
    made = {"proxies/index.md": overview()}
    made |= {page: heading(name) for page, name in PROXIES.items()}
    made |= {page: reference(room) for page, room in REFERENCE.items()}
    made |= {page: source.read_text() for page, source in MEASURED.items()}
    for page, content in made.items():
        if files.get_file_from_path(page) is None:
            files.append(File.generated(config, page, content=content))
    for picture in set(re.findall(r"!\[[^]]*\]\(([^)]+)\)", made["measured.md"])):
        source = str(MEASURED["measured.md"].parent / picture)
        files.append(File.generated(config, picture, abs_src_path=source))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """What is known of a proxy follows its prose."""
    name = PROXIES.get(page.file.src_uri)
    return markdown if name is None else f"{markdown}\n\n{facts(name)}"
