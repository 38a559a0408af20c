"""The stage: a real zone, the stand-ins and the three servers, each a process of its own.

Everything lives in one temporary folder and ends with the demo. As root, the
servers run under uids of their own, which the zone file lists, so that none
of them could administer the zone.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

HERE = Path(__file__).resolve().parent
SDK = HERE.parents[1] / "sdk" / "python"
_DEFAULT = {"zone": 8080, "churn": 8001, "analytics": 8002, "health": 8003, "hubspot": 8004, "snowflake": 8005, "cowork": 9443}
_UIDS = {"churn": 61001, "product-analytics": 61002, "customer-health": 61003}
APPLICATIONS = tuple(_UIDS)


class Failed(Exception):
    """The stage could not be set."""


def free_ports(names: Mapping[str, int]) -> dict[str, int]:
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in names]
    ports = {name: one.getsockname()[1] for name, one in zip(names, taken, strict=True)}
    for one in taken:
        one.close()
    return ports


@dataclass
class Answer:
    status: int
    body: dict[str, Any]

    @property
    def error(self) -> str | None:
        return self.body.get("error")

    @property
    def token(self) -> str:
        return str(self.body.get("access_token", ""))


class AgentProcess:
    """`agent.py` under `carnet run`: asks the zone whatever the story wants, as one application."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ready(self) -> None:
        self._read()

    def ask(self, **form: Any) -> Answer:
        return self._ask({"form": form})

    def exchange(self, token: str, resource: str | list[str], **more: Any) -> Answer:
        kind = "urn:ietf:params:oauth:token-type:access_token"
        return self.ask(
            grant_type="urn:ietf:params:oauth:grant-type:token-exchange", subject_token=token,
            subject_token_type=kind, resource=resource, **more,
        )

    def introspect(self, token: str) -> dict[str, Any]:
        return self._ask({"introspect": token}).body

    def _ask(self, request: dict[str, Any]) -> Answer:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._read()
        return Answer(answer["status"], answer["body"] or {})

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Failed("an agent ended")
        return json.loads(line)


class Stage:
    """Processes, ports and files of one zone."""

    def __init__(self, build: Path, name: str, ports: dict[str, int] | None = None) -> None:
        self.carnetd, self.carnet = build / "src/main/carnetd", build / "src/cli/carnet"
        self.folder = Path(tempfile.mkdtemp(prefix=f"carnet-{name}-"))
        self.folder.chmod(0o755)
        self.state = self.folder / "state"
        self.ports = ports or free_ports({**_DEFAULT, "inner": 0})
        self.issuer = f"http://localhost:{self.ports['zone']}/z/dev"
        self.uids = _UIDS if os.geteuid() == 0 and self._reachable() else {}
        self._processes: list[subprocess.Popen[Any]] = []
        self.http = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(self.state / "carnet.sock")), base_url="http://zone", timeout=20
        )

    def _reachable(self) -> bool:
        """Whether a stranger's uid could run our programs where they lie."""
        check = f"import sys; sys.path.insert(0, {str(SDK)!r}); import carnet; open({str(HERE / 'churn.py')!r})"
        for command in ([sys.executable, "-c", check], [str(self.carnet), "--help"]):
            try:
                done = subprocess.run(command, capture_output=True, user=61001, group=61001, extra_groups=[], cwd="/")
            except OSError:
                return False
            if done.returncode:
                return False
        return True

    # --- files ---

    def resource(self, slug: str) -> str:
        fixed = {"snowflake": "snowflake://acme.snowflakecomputing.com", "hubspot": "https://api.hubapi.com"}
        return fixed.get(slug) or f"http://localhost:{self.ports[slug]}/mcp"

    def write_zone(self, ca: Path, change: Callable[[str, str], tuple[str, str]] | None = None) -> None:
        """The example's own files, with this run's ports, uids and secret."""
        zone, lanes = (HERE / "zone.yaml").read_text(), (HERE / "lanes.cedar").read_text()
        for name, port in _DEFAULT.items():
            zone = zone.replace(f"localhost:{port}", f"localhost:{self.ports[name]}")
        for number, application in enumerate(APPLICATIONS, 1001):
            uids = f"uids: [{self.uids[application]}]" if self.uids else ""
            zone = zone.replace(f"uids: [{number}]", uids)
        if change is not None:
            zone, lanes = change(zone, lanes)
        (self.folder / "zone.yaml").write_text(zone)
        (self.folder / "lanes.cedar").write_text(lanes)
        if ca != self.folder / "ca.pem":
            shutil.copy(ca, self.folder / "ca.pem")
        secret = self.folder / "hubspot.secret"
        if not secret.exists():
            secret.touch(0o600)
            secret.write_text(secrets.token_urlsafe(24))

    # --- processes ---

    def start(self, name: str, command: list[str], *, uid: int | None = None, pipes: bool = False, **env: str) -> Any:
        log = open(self.folder / f"{name}.log", "ab")  # noqa: SIM115 - belongs to the process
        clean = {key: value for key, value in os.environ.items() if not key.startswith("CARNET_")}
        clean |= {"PYTHONPATH": str(SDK), "PYTHONDONTWRITEBYTECODE": "1", "CARNET_SOCKET": str(self.state / "carnet.sock"), **env}
        if uid is not None:
            clean["HOME"] = "/"
        more: dict[str, Any] = {"user": uid, "group": uid, "extra_groups": []} if uid is not None else {}
        process = subprocess.Popen(
            command, env=clean, cwd=HERE, stderr=log, start_new_session=True, text=True,
            stdin=subprocess.PIPE if pipes else subprocess.DEVNULL, stdout=subprocess.PIPE if pipes else log, **more,
        )
        self._processes.append(process)
        return process

    def start_zone(self, inner: int | None = None) -> subprocess.Popen[Any]:
        """carnetd; `inner`: the port it really listens on, behind the demo's wire."""
        port = inner or self.ports["zone"]
        return self.start("carnetd", [
            str(self.carnetd), "--state", str(self.state), "--listen", f"127.0.0.1:{port}",
            "--public-url", f"http://localhost:{self.ports['zone']}", "--management", "", "--metrics", "",
            "--log-level", "warn",
        ])

    def run_as(self, application: str, *command: str, name: str = "", pipes: bool = False, **env: str) -> Any:
        """A program under `carnet run`, with the application's own uid where there is one."""
        whole = [str(self.carnet), "run", "--as", application, "--", sys.executable, *command]
        return self.start(name or application, whole, uid=self.uids.get(application), pipes=pipes, **env)

    def agent(self, application: str) -> AgentProcess:
        return AgentProcess(self.run_as(application, "agent.py", name=f"{application}-agent", pipes=True))

    def command(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """The `carnet` command, as a person would type it."""
        env = {**os.environ, "CARNET_SOCKET": str(self.state / "carnet.sock"), "COLUMNS": "98"}
        return subprocess.run(
            [str(self.carnet), *arguments], env=env, input=stdin, capture_output=True, text=True, timeout=60
        )

    def must(self, *arguments: str, stdin: str | None = None) -> str:
        done = self.command(*arguments, stdin=stdin)
        if done.returncode:
            raise Failed(f"carnet {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def wait(self, what: str, ready: Callable[[], bool], seconds: float = 30.0) -> None:
        end = time.monotonic() + seconds
        while True:
            try:
                if ready():
                    return
            except (OSError, httpx.HTTPError):
                pass
            dead = [p for p in self._processes if p.poll() not in (None, 0)]
            if dead or time.monotonic() > end:
                raise Failed(f"{what} did not come up\n{self.logs()}")
            time.sleep(0.03)

    def wait_port(self, what: str, port: int) -> None:
        self.wait(what, lambda: socket.create_connection(("127.0.0.1", port), 1).close() is None)

    def logs(self) -> str:
        texts = {path.name: path.read_text(errors="replace")[-1500:] for path in sorted(self.folder.glob("*.log"))}
        return "\n".join(f"--- {name}\n{text}" for name, text in texts.items() if text.strip())

    def close(self, keep: bool = False) -> None:
        self.http.close()
        for process in reversed(self._processes):
            if process.poll() is None:
                try:
                    os.killpg(process.pid, signal.SIGTERM)
                except ProcessLookupError:
                    continue
        for process in self._processes:
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    # --- the ledger ---

    def events(self, after: int = 0) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = self.http.get("/zones/dev/events", params={"after": after, "limit": 100}).json()["items"]
            found += page
            if len(page) < 100:
                return found
            after = page[-1]["seq"]

    def newest(self) -> int:
        return int(self.http.get("/zones/dev").json()["newest_event"])


def claims_of(token: str) -> dict[str, Any]:
    """A token's claims, for looking; whoever relies on them verifies."""
    import base64

    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def short(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
