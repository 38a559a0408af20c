"""The twins: each refusal once more in a scratch zone without the policy that it named.

The same applications, consented afresh, the same request: it passes. So what
refused in the story was that policy and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from sara import Sara
from show import Show
from stage import AgentProcess, Answer, Stage, claims_of

Change = Callable[[str, str], tuple[str, str]]
ANALYST = "session:role:ANALYST"
_BACK = "http://127.0.0.1:9/callback"


def without(policy: str, more: str = "") -> Change:
    """The zone without one of its policies."""

    def change(zone: str, lanes: str) -> tuple[str, str]:
        head, rest = lanes.split(f'@id("{policy}")')
        return zone, head + rest.split(";", 1)[1] + more

    return change


def direct(zone: str, lanes: str) -> tuple[str, str]:
    """Churn may work for itself at night, and so may analytics: both by name.

    An anchor has one unnamed scope with all four classes, so the ban on delete covers it too: here it is lifted.
    """
    zone, lanes = without("no-delete-in-any-chain")(zone, lanes)
    zone = zone.replace("churn:             { run:", "churn:             { direct: true, run:")
    zone = zone.replace("depends: { analytics: [query, purge]", "depends: { analytics: { scopes: [query, purge], direct: true }")
    zone = zone.replace(f'depends: {{ snowflake: ["{ANALYST}"], hubspot', f'depends: {{ snowflake: {{ scopes: ["{ANALYST}"], direct: true }}, hubspot')
    return zone, lanes


def no_delete_ban(zone: str, lanes: str) -> tuple[str, str]:
    """Row 8's twin also says that deletion may flow from churn's own resource."""
    zone, lanes = without("no-delete-in-any-chain")(zone, lanes)
    return zone.replace("scopes: { run: [read] }", "scopes: { run: [read, delete] }"), lanes


def wider_edge(zone: str, lanes: str) -> tuple[str, str]:
    return zone.replace("analytics: [query, purge]", "analytics: [query, export, purge]"), lanes


_ANALYTICS_MAY_HOLD = """
@id("analytics-may-hold-hubspot") permit (principal, action == Action::"reveal", resource == Resource::"hubspot")
when { context.caller == Application::"product-analytics" };
"""


@dataclass
class Scratch:
    """A zone of its own, made anew as each twin needs it."""

    stage: Stage
    show: Show
    ca: Path
    document: str
    passwords: dict[str, tuple[str, str]]
    agents: dict[str, AgentProcess]

    def apply(self, change: Change) -> None:
        self.stage.write_zone(self.ca, change)
        self.stage.must("apply", str(self.stage.folder / "zone.yaml"))

    def url(self, slug: str) -> str:
        return self.stage.resource(slug)

    def begin(self, slug: str = "churn") -> str:
        """Sara, with a fresh browser, consents to Cowork; the entry token."""
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code", "client_id": self.document, "redirect_uri": _BACK, "resource": self.url(slug),
            "code_challenge": challenge, "code_challenge_method": "S256", "state": secrets.token_hex(8),
            "prompt": "consent",
        }
        back = Sara(self.passwords).visit(f"{self.stage.issuer}/authorize?{urlencode(query)}", _BACK)
        answer = parse_qs(urlsplit(back).query)
        assert answer["state"] == [query["state"]] and answer["iss"] == [self.stage.issuer], answer
        form = {"grant_type": "authorization_code", "code": answer["code"][0], "code_verifier": verifier,
                "redirect_uri": _BACK, "client_id": self.document, "resource": self.url(slug)}
        return str(httpx.post(f"{self.stage.issuer}/token", data=form).json()["access_token"])

    def passes(self, answer: Answer, what: str) -> str:
        self.show.expect(answer.status == 200 and answer.token, what, answer.body)
        return answer.token


def row_0a(scratch: Scratch) -> None:
    scratch.apply(direct)
    answer = scratch.agents["churn"].ask(grant_type="client_credentials", resource=scratch.url("analytics"))
    scratch.passes(answer, "0a  direct: true named on the dependency: churn alone gets a token for analytics")


def row_12(scratch: Scratch) -> None:
    """Churn at night: its anchor, then analytics, whose next hop acts for churn itself."""
    answer = scratch.agents["churn"].ask(grant_type="client_credentials")
    night = scratch.passes(answer, "12  churn works for itself: a token for its own anchor")
    claims = claims_of(night) if night else {}
    scratch.show.expect(claims.get("sub") == "churn" and "act" not in claims, "    sub churn, and nobody acts for it", claims)
    if not night:
        return
    token = scratch.passes(scratch.agents["churn"].exchange(night, scratch.url("analytics"), scope="query"),
                           "    and exchanges it for analytics")
    if token:
        end = scratch.agents["product-analytics"].exchange(token, scratch.url("snowflake"), scope=ANALYST)
        claims = claims_of(scratch.passes(end, "    whose next hop is Snowflake")) if end.token else {}
        scratch.show.expect(claims.get("act") == {"sub": "product-analytics"}, "    with act{product-analytics}", claims)


def row_6_snowflake(scratch: Scratch) -> None:
    scratch.apply(without("snowflake-never-to-customer-health"))
    t3 = scratch.agents["churn"].exchange(scratch.begin(), scratch.url("health"), scope="read").token
    scratch.passes(scratch.agents["customer-health"].exchange(t3, scratch.url("snowflake"), scope=ANALYST),
                   "6   without snowflake-never-to-customer-health: customer-health reaches Snowflake")
    detour = scratch.agents["customer-health"].exchange(t3, scratch.url("analytics"), scope="query").token
    scratch.passes(scratch.agents["product-analytics"].exchange(detour, scratch.url("snowflake"), scope=ANALYST),
                   "6b  and so does the detour")


def row_6_hubspot(scratch: Scratch) -> None:
    scratch.apply(without("hubspot-never-to-product-analytics", _ANALYTICS_MAY_HOLD))
    t2 = scratch.agents["churn"].exchange(scratch.begin(), scratch.url("analytics"), scope="query").token
    scratch.passes(scratch.agents["product-analytics"].exchange(t2, scratch.url("hubspot"), scope="contacts.read"),
                   "6   without hubspot-never-to-product-analytics: product-analytics reaches HubSpot")


def row_7(scratch: Scratch) -> None:
    scratch.apply(wider_edge)
    t1 = scratch.begin()
    answer = scratch.agents["churn"].exchange(t1, scratch.url("analytics"), scope="query export")
    scratch.passes(answer, "7   with export on the edge: query export passes (and two resources, one after the other)")
    scratch.agents["churn"].exchange(t1, scratch.url("health"))


def row_8(scratch: Scratch) -> None:
    scratch.apply(no_delete_ban)
    answer = scratch.agents["churn"].exchange(scratch.begin(), scratch.url("analytics"), scope="purge")
    scratch.passes(answer, "8   without no-delete-in-any-chain: purge passes")


ALL = (row_0a, row_12, row_6_snowflake, row_6_hubspot, row_7, row_8)
