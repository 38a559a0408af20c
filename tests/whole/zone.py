"""One carnetd with one zone: started, applied, asked, watched, killed."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from documents import Documents
from parties import Agent, Browser, Client

ROOT = Path(__file__).resolve().parents[2]
LANES = """
@id("snowflake-never-to-customer-health")
forbid (principal, action, resource in Resource::"snowflake")
when { context.chain.contains(Application::"customer-health") };

@id("no-delete-in-any-chain")
forbid (principal, action, resource)
when { context.classes.contains(Class::"delete") && context.on_behalf };
"""
ZONE = """zone: dev
trust: {{ ca: ca.pem, loopback_documents: {loopback} }}
users:
  sara: {{ identifier: sara@acme.example, email: sara@acme.example, groups: [customer-success] }}
  tom: {{ identifier: tom@acme.example, email: tom@acme.example }}
applications:
  cowork: {{ name: Cowork, client_metadata: "{cowork}" }}
  churn: {{ jwks: churn.json, run: true, direct: true, depends: {{ analytics: [query, purge], health: [read], closed: [all] }} }}
  product-analytics: {{ jwks: product-analytics.json, depends: {{ snowflake: ["session:role:ANALYST"], churn: [run] }} }}
  customer-health: {{ jwks: customer-health.json, depends: {{ snowflake: ["session:role:ANALYST"], analytics: [query] }} }}
  nightly: {{ secret: true, direct: true, depends: {{ analytics: {{ scopes: [query], direct: true }} }} }}
  other: {{ secret: true }}
  off: {{ secret: true, disabled: {off} }}
  web: {{ public: true, redirect_uris: ["http://127.0.0.1/callback", "https://app.example/cb?keep=1", "https://app.example/sub/cb"] }}
resources:
  churn: {{ identifier: "http://localhost:8001/mcp", owner: churn, algorithm: ES256, scopes: {{ run: [read], more: [write] }}, default_scopes: [run], cutoff: feed }}
  analytics: {{ identifier: "http://localhost:8002/mcp", owner: product-analytics, algorithm: ES256, scopes: {{ query: [read], export: [write], purge: [delete] }}, default_scopes: [query], cutoff: feed }}
  health: {{ identifier: "http://localhost:8003/mcp", owner: customer-health, algorithm: RS256, scopes: {{ read: [read] }}, default_scopes: [read], cutoff: feed }}
  bare: {{ identifier: "https://bare.example", owner: churn, scopes: {{ look: [read] }} }}
  closed: {{ identifier: "https://closed.example/api", disabled: true, scopes: {{ all: [read] }} }}
  snowflake: {{ identifier: "snowflake://acme.snowflakecomputing.com", provider: snowflake, scopes: {{ "session:role:ANALYST": [read] }} }}
providers:
  snowflake: {{ type: federated, audience: "https://acme.snowflakecomputing.com", algorithm: RS256, scope_claim: scp, scope_array: true, user_claim: email }}
policies: [lanes.cedar]
settings: {{ dcr: {dcr}, cimd: {cimd} }}
"""
CHURN, ANALYTICS, HEALTH = (f"http://localhost:{port}/mcp" for port in (8001, 8002, 8003))
SNOWFLAKE = "snowflake://acme.snowflakecomputing.com"
AGENTS = ("churn", "product-analytics", "customer-health")


def built() -> Path | None:
    build = Path(os.environ.get("CARNET_BUILD") or ROOT / "build" / "carnet")
    return build if (build / "src/main/carnetd").exists() else None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


class Zone:
    """A folder, a process, an issuer; the agents' keys live here, in the test's own process."""

    def __init__(self, documents: Documents, *, loopback: bool = True, dcr: bool = True, cimd: bool = True) -> None:
        build = built()
        assert build is not None
        self.carnetd, self.carnet = build / "src/main/carnetd", build / "src/cli/carnet"
        self.documents, self.folder = documents, Path(tempfile.mkdtemp(prefix="carnet-whole-"))
        self.settings = {"loopback": loopback, "dcr": dcr, "cimd": cimd}
        self.state, self.log = self.folder / "state", self.folder / "carnetd.log"
        self.port, self.management_port, self.metrics_port = _free_port(), _free_port(), _free_port()
        self.origin = f"http://localhost:{self.port}"
        self.issuer = f"{self.origin}/z/dev"
        self.management = f"http://127.0.0.1:{self.management_port}"
        self.http = httpx.Client(trust_env=False, timeout=20)
        self.socket = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(self.state / "carnet.sock")), base_url="http://zone", timeout=20
        )
        self.process: subprocess.Popen[bytes] | None = None
        self.canaries: set[str] = set()
        self.passwords = {user: secrets.token_urlsafe(15) for user in ("sara", "tom")}
        self.canaries.update(self.passwords.values())
        self.agents = {name: Agent(self, name) for name in AGENTS}
        self._read = 0
        self._browsers: dict[str, Browser] = {}

    # --- life ---

    def __enter__(self) -> Zone:
        try:
            self.start()
            self.files(off="false")
            self.apply()
            self.secrets = {name: self.make_secret(name) for name in ("nightly", "other", "off")}
            self.files()
            self.apply()
            for user, password in self.passwords.items():
                answer = self.socket.post(f"/zones/dev/users/{user}/password", json={"password": password})
                assert answer.status_code < 300, answer.text
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.http.close()
        self.socket.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        command = [
            self.carnetd, "--state", self.state, "--listen", f"127.0.0.1:{self.port}", "--public-url", self.origin,
            "--management", f"127.0.0.1:{self.management_port}", "--metrics", f"127.0.0.1:{self.metrics_port}",
            "--log-level", "debug",
        ]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                if self.http.get(f"{self.origin}/readyz").status_code == 200 and self.socket.get("/zones").is_success:
                    return
            except httpx.HTTPError:
                pass
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.02)
        raise AssertionError(self.log.read_text())

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def check(self) -> None:
        """Alive, and quiet about every secret that went through here."""
        assert self.process is not None and self.process.poll() is None, self.log.read_text()[-2000:]
        assert self.http.get(f"{self.origin}/healthz").status_code == 200
        with open(self.log, encoding="utf-8", errors="replace") as log:
            log.seek(self._read)
            text = log.read()
            self._read = log.tell()
        for canary in self.canaries:
            assert canary not in text, "a secret is in the log"
        self.canaries = set(self.passwords.values()) | set(self.secrets.values())

    # --- configuration ---

    def files(self, zone: str | None = None, **change: str) -> None:
        settings = {name: str(value).lower() for name, value in self.settings.items()}
        text = zone or ZONE.format(**{"cowork": self.documents.cowork, "off": "true", **settings, **change})
        (self.folder / "zone.yaml").write_text(text)
        (self.folder / "lanes.cedar").write_text(LANES)
        shutil.copy(self.documents.ca, self.folder / "ca.pem")
        for name, agent in self.agents.items():
            (self.folder / f"{name}.json").write_text(json.dumps({"keys": [agent.public]}))

    def apply(self, **files: str) -> httpx.Response:
        """Send the files as `carnet apply` does; `files` replace some (zone_yaml, lanes_cedar)."""
        names = ["zone.yaml", "lanes.cedar", "ca.pem", *(f"{name}.json" for name in AGENTS)]
        given = {name: (self.folder / name).read_text() for name in names}
        given.update({name.replace("_", "."): text for name, text in files.items()})
        answer = self.socket.post("/zones/dev/apply", json={"files": given, "dry_run": False})
        assert files or answer.status_code == 200, answer.text
        return answer

    def make_secret(self, name: str) -> str:
        answer = self.socket.post(f"/zones/dev/applications/{name}/secret")
        assert answer.is_success, answer.text
        secret = str(answer.json()["client_secret"])
        self.canaries.add(secret)
        return secret

    def command(self, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "CARNET_SOCKET": str(self.state / "carnet.sock")}
        return subprocess.run([self.carnet, *arguments], env=env, capture_output=True, text=True, timeout=60, **more)

    # --- parties ---

    def agent(self, name: str) -> Agent:
        return self.agents[name]

    def browser(self, user: str = "sara") -> Browser:
        """A browser in which `user` has signed in, one for each user."""
        if user not in self._browsers:
            self._browsers[user] = self.new_browser(user)
        return self._browsers[user]

    def new_browser(self, user: str = "sara") -> Browser:
        return Browser(self, f"{user}@acme.example", self.passwords[user])

    def client(self, client_id: str | None = None, redirect: str = "http://127.0.0.1:7777/callback") -> Client:
        return Client(self, client_id or self.documents.cowork, redirect)

    def entry(self, resource: str = CHURN, **more: Any) -> dict[str, Any]:
        """A token that Sara's client got by consent."""
        return self.client().sign_in(self.browser(), resource=resource, **more)

    # --- the ledger ---

    def newest(self) -> int:
        return int(self.socket.get("/zones/dev").json()["newest_event"])

    def events(self, after: int) -> list[dict[str, Any]]:
        return self.socket.get("/zones/dev/events", params={"after": after, "limit": 100}).json()["items"]

    def metric(self, name: str) -> float:
        text = self.http.get(f"http://127.0.0.1:{self.metrics_port}/metrics").text
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))
