"""README and guides are played as they stand, against a real carnetd and real FastMCP servers."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from guides import Block, Reader, blocks_of

ROOT = Path(__file__).resolve().parents[2]
GUIDES = ("README.md", "docs/guide/quickstart.md", "docs/guide/mcp-integration.md")
USER, PASSWORD = "sara@example.com", "correct horse battery"


def environment(home: Path) -> dict[str, str]:
    """What a guide's reader has after its first step, the build; and nothing of this process's own Carnet."""
    build = Path(os.environ.get("CARNET_BUILD") or ROOT / "build" / "carnet").resolve()
    env = {name: value for name, value in os.environ.items() if not name.startswith("CARNET_")}
    path = [build / "src" / "main", build / "src" / "cli", _python(home)]
    env.update(
        PATH=":".join([*map(str, path), env["PATH"]]), PYTHONPATH=str(ROOT / "sdk" / "python"), HOME=str(home),
        BROWSER=str(Path(__file__).with_name("sign_in.py")), GUIDE_USER=USER, GUIDE_PASSWORD=PASSWORD,
        FASTMCP_CHECK_FOR_UPDATES="off", NO_COLOR="1", COLUMNS="200",
    )
    return env


def _python(home: Path) -> Path:
    """A folder in which `python` and `python3` are this interpreter."""
    folder = home / "bin"
    folder.mkdir()
    for name in ("python", "python3"):
        (folder / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    somebody = Reader(tmp_path / "work", environment(tmp_path / "home"))
    yield somebody
    somebody.leave()


@pytest.mark.parametrize("guide", GUIDES)
def test_guide(guide: str, reader: Reader) -> None:
    played: list[Block] = blocks_of(ROOT / guide)
    assert [block for block in played if block.what == "run"], f"{guide} has nothing to play"
    for block in played:
        reader.do(block)
