"""`carnet run`: an identity for as long as a program runs, over an inherited descriptor, and no secret anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from expect import Watch, granted
from zone import CHURN, Zone

CHILD = """
import json, os, socket, sys
line = socket.socket(fileno=int(os.environ["CARNET_AGENT_FD"]))
answers = line.makefile("r")
print(json.dumps({k: v for k, v in os.environ.items() if k.startswith("CARNET")}), flush=True)
for request in sys.stdin:
    line.sendall(request.encode())
    print(answers.readline(), end="", flush=True)
"""


class Program:
    def __init__(self, zone: Zone, application: str) -> None:
        env = {name: value for name, value in os.environ.items() if not name.startswith("CARNET_")}
        env["CARNET_SOCKET"] = str(zone.state / "carnet.sock")
        command = [zone.carnet, "run", "--as", application, "--", sys.executable, "-c", CHILD]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.environment = json.loads(line) if line else {}

    def ask(self, request: Any) -> dict[str, Any]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write((request if isinstance(request, str) else json.dumps(request)) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self) -> int:
        self.process.communicate(timeout=8)
        return self.process.returncode


def test_identity_that_ends_with_the_program(zone: Zone) -> None:
    program, agent = Program(zone, "churn"), zone.agent("churn")
    assert program.environment["CARNET_ZONE_URL"] == zone.issuer
    assert not any("key" in name.lower() or "secret" in name.lower() for name in program.environment)
    described = program.ask({"op": "describe"})
    assert described["client_id"] == "churn" and CHURN in [one["identifier"] for one in described["resources"]]
    first, second = (program.ask({"op": "assert", "audience": zone.issuer})["client_assertion"] for _ in range(2))
    zone.canaries.update((first, second))
    assert first != second
    granted(agent.itself(assertion=first))
    watch = Watch(zone)
    watch.check(agent.itself(assertion=first), "invalid_client", 401)
    assert program.end() == 0
    watch.check(agent.itself(assertion=second), "invalid_client", 401)


@pytest.mark.parametrize("request_", ["nonsense", "[]", "{}", {"op": "key"}, {"op": "assert"}, {"op": "assert", "audience": 3}], ids=lambda r: str(r)[:30])
def test_malformed_requests_to_the_descriptor(zone: Zone, request_: Any) -> None:
    program = Program(zone, "churn")
    assert "error" in program.ask(request_)
    assert "client_assertion" in program.ask({"op": "assert", "audience": zone.issuer}), "and it goes on"
    program.end()


def test_assertion_for_elsewhere_is_no_use_here(zone: Zone) -> None:
    program = Program(zone, "churn")
    answer = program.ask({"op": "assert", "audience": "https://elsewhere.example"})
    if "client_assertion" in answer:
        watch = Watch(zone)
        watch.check(zone.agent("churn").itself(assertion=answer["client_assertion"]), "invalid_client", 401)
    program.end()


@pytest.mark.parametrize("application", ["nightly", "web", "nobody", "cowork"])
def test_application_without_run(zone: Zone, application: str) -> None:
    program = Program(zone, application)
    assert not program.environment, "the program was not started"
    assert program.end() in (1, 2)


def test_key_is_renewed_after_a_restart(fresh: Zone) -> None:
    import time

    zone = fresh
    program = Program(zone, "churn")
    granted(zone.agent("churn").itself(assertion=program.ask({"op": "assert", "audience": zone.issuer})["client_assertion"]))
    zone.kill()
    zone.start()
    for _ in range(100):
        assertion = program.ask({"op": "assert", "audience": zone.issuer}).get("client_assertion")
        if assertion and zone.agent("churn").itself(assertion=assertion).status_code == 200:
            break
        time.sleep(0.1)
    else:
        raise AssertionError("the key did not come back")
    program.end()
