from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator

import pytest

from carnet import Agent, ClientSecret, ConfigurationError, find_credential
from carnet.errors import CarnetError
from carnet.fastmcp import AuthProvider

ISSUER = "http://localhost:8080/z/dev"


class CarnetRun:
    """The other end of the descriptor, as `carnet run` speaks it."""

    def __init__(self, resources: list[dict[str, object]] | None = None) -> None:
        self.ours, theirs = socket.socketpair()
        self.descriptor = theirs.detach()
        self.questions: list[dict[str, str]] = []
        self.resources = resources if resources is not None else [
            {"slug": "churn", "identifier": "http://localhost:8001/mcp", "default_scopes": ["run"]}]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with self.ours.makefile("rwb") as stream:
            for line in stream:
                stream.write(json.dumps(self.answer(json.loads(line))).encode() + b"\n")
                stream.flush()

    def answer(self, question: dict[str, str]) -> dict[str, object]:
        self.questions.append(question)
        if question["op"] == "describe":
            return {"issuer": ISSUER, "client_id": "churn", "application": "churn", "resources": self.resources}
        if question["audience"] != ISSUER:
            return {"error": "not my zone"}
        return {"client_assertion": f"signed-{os.getpid()}-{len(self.questions)}", "expires_in": 60}


@pytest.fixture
def run() -> Iterator[CarnetRun]:
    run = CarnetRun()
    yield run
    run.ours.close()


def test_the_descriptor_describes_and_signs(run: CarnetRun) -> None:
    agent = find_credential(environment={"CARNET_AGENT_FD": str(run.descriptor)})
    assert isinstance(agent, Agent) and agent.client_id == "churn"
    proof = agent.parameters(ISSUER)
    assert proof["client_assertion_type"].endswith("jwt-bearer")
    assert proof["client_assertion"] != agent.parameters(ISSUER)["client_assertion"]
    with pytest.raises(CarnetError, match="not my zone"):
        agent.parameters("http://elsewhere")
    assert not os.get_inheritable(run.descriptor)


def test_forked_siblings_share_the_descriptor_without_mixing(run: CarnetRun) -> None:
    agent = find_credential(environment={"CARNET_AGENT_FD": str(run.descriptor)})
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            good = all(agent.parameters(ISSUER)["client_assertion"].startswith("signed-") for _ in range(50))
            os._exit(0 if good else 1)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 4


def test_auth_provider_needs_no_argument_under_carnet_run(run: CarnetRun) -> None:
    provider = AuthProvider(environment={"CARNET_AGENT_FD": str(run.descriptor), "CARNET_ZONE_URL": ISSUER})
    assert provider.resource.identifier == "http://localhost:8001/mcp"
    assert provider.zone.issuer == ISSUER


def test_two_sources_are_an_error(run: CarnetRun) -> None:
    secret = {"CARNET_CLIENT_ID": "churn", "CARNET_CLIENT_SECRET": "x"}
    for explicit, env in (
        (None, {**secret, "CARNET_AGENT_FD": str(run.descriptor)}),
        (ClientSecret("churn", "x"), secret),
        (ClientSecret("churn", "x"), {"CARNET_AGENT_FD": str(run.descriptor)}),
    ):
        with pytest.raises(ConfigurationError, match="two sources"):
            find_credential(explicit, env)
    assert find_credential(None, secret).client_id == "churn"


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"CARNET_CLIENT_ID": "churn"},
        {"CARNET_CLIENT_SECRET": "x"},
        {"CARNET_AGENT_FD": "three"},
        {"CARNET_AGENT_FD": "987"},
    ],
)
def test_no_usable_identity_is_an_error_at_construction(env: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError):
        find_credential(environment=env)


@pytest.mark.parametrize("missing", ["CARNET_ZONE_URL", "CARNET_SERVER_URL", "default_scopes"])
def test_no_issuer_audience_or_scopes_is_an_error_at_construction(missing: str) -> None:
    env = {"CARNET_ZONE_URL": ISSUER, "CARNET_SERVER_URL": "http://localhost:8001/mcp",
           "CARNET_CLIENT_ID": "churn", "CARNET_CLIENT_SECRET": "x"}
    assert AuthProvider(environment=env, default_scopes=["run"])
    env.pop(missing, None)
    with pytest.raises(ConfigurationError):
        AuthProvider(environment=env, default_scopes=None if missing == "default_scopes" else ["run"])


def test_another_resource_or_zone_than_carnet_run_says(run: CarnetRun) -> None:
    env = {"CARNET_AGENT_FD": str(run.descriptor)}
    with pytest.raises(ConfigurationError, match="owns"):
        AuthProvider(server_url="http://localhost:9/mcp", environment=env)
    with pytest.raises(ConfigurationError, match="speaks for"):
        AuthProvider(zone_url="http://localhost:9/z/x", environment=env)


def test_an_application_without_a_resource_serves_nothing() -> None:
    run = CarnetRun(resources=[])
    with pytest.raises(ConfigurationError, match="owns no resource"):
        AuthProvider(environment={"CARNET_AGENT_FD": str(run.descriptor)})
