"""Plays a guide: what it tells its reader to type is typed, and what it shows must show.

A fenced block takes part by the word after its language:

    ```sh run input="…"      run it, with a line of standard input; it must succeed
    ```sh start until="…"    in a terminal of its own; go on when its output has those words
    ```yaml file=zone.yaml   write that file
    ```text shows            each line stood in what the last `run` printed; … is anything

Other blocks are only read. All of a guide's blocks share one folder. Ports that the guide names are replaced by free
ones, so that guides play side by side.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

PORTS = ("8080", "8001", "8002", "8003")
PATIENCE = 90
_FENCE = re.compile(r"^```(\w+) (run|start|shows|file=\S+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    what: str
    options: dict[str, str]
    text: str
    line: int


def blocks_of(guide: Path) -> list[Block]:
    source = guide.read_text()
    found = []
    for match in _FENCE.finditer(source):
        options = dict(word.split("=", 1) for word in shlex.split(match[3]))
        found.append(Block(match[2], options, match[4], source.count("\n", 0, match.start()) + 1))
    return found


class Reader:
    """Somebody who does what a guide says, in a folder of their own."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder, self._started = folder, list[subprocess.Popen[bytes]]()
        self._ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
        self._environment = environment
        self._shown = ""

    @property
    def zone(self) -> str:
        return f"http://localhost:{self._ports['8080']}"

    def do(self, block: Block) -> None:
        if block.what == "run":
            self._run(block)
        elif block.what == "start":
            self._start(block)
        elif block.what == "shows":
            self._look(block)
        else:
            name = block.what.removeprefix("file=")
            (self._folder / name).write_text(self._here(block.text))

    def _here(self, text: str) -> str:
        """The guide's text with our ports in it."""
        text = re.sub(r"^carnet dev\b", "carnet dev --listen 127.0.0.1:8080", text, flags=re.MULTILINE)
        return re.sub(r"\b(" + "|".join(PORTS) + r")\b", lambda port: self._ports[port[0]], text)

    def _run(self, block: Block) -> None:
        typed = block.options.get("input")
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self._here(block.text)], cwd=self._folder, env=self._environment,
            input=None if typed is None else typed + "\n", stdin=subprocess.DEVNULL if typed is None else None,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE,
        )
        self._shown = ended.stdout
        status = int(block.options.get("status", "0"))
        assert ended.returncode == status, f"line {block.line}: status {ended.returncode}\n{block.text}\n{ended.stdout}"
        for file in self._folder.glob("*.yaml"):
            file.write_text(self._here(file.read_text()))

    def _start(self, block: Block) -> None:
        log = self._folder / f"terminal-{len(self._started)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-c", self._here(block.text)], cwd=self._folder, env=self._environment,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )
        self._started.append(process)
        wanted, patience = self._here(block.options["until"]), time.monotonic() + PATIENCE
        while wanted not in log.read_text(errors="replace"):
            ended = process.poll() is not None or time.monotonic() > patience
            assert not ended, f"line {block.line}: never said {wanted!r}\n{block.text}\n{log.read_text()}"
            time.sleep(0.05)

    def _look(self, block: Block) -> None:
        for line in filter(None, map(str.strip, self._here(block.text).splitlines())):
            pattern = r"[^\n]*".join(map(re.escape, line.split("…")))
            assert re.search(pattern, self._shown), f"line {block.line}: {line!r} is not in\n{self._shown}"

    def leave(self) -> None:
        """Close all terminals, the last one opened first."""
        for process in reversed(self._started):
            for signum in (signal.SIGINT, signal.SIGKILL):
                try:
                    os.killpg(process.pid, signum)
                    process.wait(10)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    continue


def free_ports(n: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [listener.getsockname()[1] for listener in held]
    for listener in held:
        listener.close()
    return ports
