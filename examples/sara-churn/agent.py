"""An agent that asks the zone for whatever it is told to, rightly or wrongly.

Plays the misconfigured orchestrator and the thief of the story. Started as
`carnet run --as churn -- python agent.py`, it holds that application's
identity and reads one request a line:

    {"form": {"grant_type": "…", …}}    POST to the token endpoint, as this application
    {"introspect": "TOKEN"}             POST to introspection, as this application

and answers {"status": …, "body": …} a line.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import httpx

from carnet import Agent, find_credential
from carnet.zone import Zone


def main() -> None:
    credential = find_credential()
    assert isinstance(credential, Agent)
    zone = Zone(credential.description.issuer)
    metadata = zone.metadata()
    _say({"ready": credential.client_id})
    with httpx.Client(trust_env=False, timeout=20) as http:
        for line in sys.stdin:
            request: dict[str, Any] = json.loads(line)
            proof = credential.parameters(zone.issuer)
            if "introspect" in request:
                url, form = metadata.introspection_endpoint, {"token": request["introspect"]}
            else:
                url, form = metadata.token_endpoint, request["form"]
            answer = http.post(url, data={**form, **proof})
            _say({"status": answer.status_code, "body": answer.json() if answer.content else None})


def _say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
