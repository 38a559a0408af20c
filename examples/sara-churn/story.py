"""Sara's story, row by row, on a set stage. Each row is played, shown and asserted.

Rows are numbered as in the model's table. Tokens that the story needs in hand
(the thief's, the orchestrator's) come from agents under `carnet run`; what the
servers do, they do themselves, and the ledger is asked what happened.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastmcp.exceptions import ToolError

from cowork import Cowork
from sara import Sara
from show import Show
from stage import AgentProcess, Answer, Stage, claims_of, short

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
ANALYST = "session:role:ANALYST"


@dataclass
class Story:
    stage: Stage
    show: Show
    sara: Sara
    cowork: Cowork
    document: str
    agents: dict[str, AgentProcess]
    tokens: dict[str, str] = field(default_factory=dict)
    refusals: list[Answer] = field(default_factory=list)
    decisions: set[str] = field(default_factory=set)
    seen: int = 0

    def url(self, slug: str) -> str:
        return self.stage.resource(slug)

    def news(self) -> list[dict[str, Any]]:
        """Events since the last look, shown by `carnet tail` as they stand in the ledger."""
        found = self.stage.events(self.seen)
        if found:
            self.seen = found[-1]["seq"]
            self.decisions.update(event["id"] for event in found)
            for line in self.stage.must("tail", "-n", str(len(found))).splitlines():
                self.show.line(f"  {line}")
                if len(line) > 98:
                    self.show.expect(False, "a line of carnet tail keeps to its columns", line)
        return found

    def refused(self, answer: Answer, error: str, what: str, policy: str | None = None) -> None:
        """An answer is this refusal, names this policy, and `carnet why` can explain it."""
        named = (answer.body.get("policy") or {}) if policy else {}
        good = answer.error == error and (policy is None or named.get("id") == policy)
        if policy is not None:
            where = f"{named.get('file')}:{named.get('line')}"
            good = good and policy in answer.body["error_description"] and where in answer.body["error_description"]
        self.show.expect(good, f"{what}: {error}{f' by {policy}' if policy else ''}", answer.body)
        self.refusals.append(answer)


def _chain(claims: dict[str, Any]) -> list[str]:
    """`act` from the outermost inwards: who acts, then on whose part."""
    chain, act = [], claims.get("act")
    while isinstance(act, dict):
        chain.append(act["sub"])
        act = act.get("act")
    return chain


def _allowed(events: list[dict[str, Any]], **wanted: Any) -> dict[str, Any] | None:
    for event in events:
        if event.get("outcome") == "allowed" and all(event.get(name) == value for name, value in wanted.items()):
            return event
    return None


async def row_0a(story: Story) -> None:
    story.show.row("0a", "Before Sara signs in: nobody has standing access to anything")
    for application, resource in (("product-analytics", "snowflake"), ("customer-health", "hubspot"), ("churn", "analytics")):
        answer = story.agents[application].ask(grant_type="client_credentials", resource=story.url(resource))
        story.refused(answer, "access_denied", f"{application} alone asks for {resource}")
    story.news()


async def rows_0_to_5(story: Story) -> None:
    story.show.row("0-5", "Sara, through Cowork, asks the churn server")
    result = await story.cowork.call(story.url("churn"), "predict_churn")
    story.show.note(" · ".join(f"{row['name']} {row['risk']}" for row in result))
    story.show.expect([row["name"] for row in result] == ["Umbrella", "Globex", "Initech", "Hooli"],
                      "usage from Snowflake and health from HubSpot make one churn list", result)
    story.show.expect(story.sara.signed_in == 2, "Sara typed two passwords: her own, and HubSpot's once",
                      story.sara.signed_in)
    events = story.news()
    hops = {
        "analytics": ["cowork", "churn"], "health": ["cowork", "churn"],
        "snowflake": ["cowork", "churn", "product-analytics"], "hubspot": ["cowork", "churn", "customer-health"],
    }
    for resource, chain in hops.items():
        event = _allowed(events, kind="exchange", resource=resource)
        story.show.expect(event and event["chain"] == chain and event["user"] == "sara",
                          f"the ledger has sara ▸ {' ▸ '.join(chain)} ✓ {resource}", event)
    sessions = {event["session"] for event in events if event.get("session") and event["outcome"] == "allowed"}
    story.show.expect(len(sessions) == 1, "all of it in one session", sessions)
    await _look_at_tokens(story)


async def _look_at_tokens(story: Story) -> None:
    held = await story.cowork.tokens(story.url("churn"))
    t1 = story.tokens["T1"] = held.access_token
    story.tokens["RT1"] = held.refresh_token
    first = claims_of(t1)
    story.show.expect(
        (first["sub"], first["client_id"], first["aud"], first["scope"], _chain(first), first["exp"] - first["iat"])
        == ("sara", story.document, story.url("churn"), "run", ["cowork"], 600),
        "T1: sara, Cowork's document as client_id, act{cowork}, aud churn, run, 10 min", first)
    _hop(story, "T2", "churn", "T1", "analytics", "query", ["churn", "cowork"])
    _hop(story, "T3", "churn", "T1", "health", "read", ["churn", "cowork"])
    _snowflake_token(story)
    _lease(story)
    story.news()


def _hop(story: Story, name: str, application: str, subject: str, resource: str, scope: str, chain: list[str]) -> None:
    answer = story.agents[application].exchange(story.tokens[subject], story.url(resource), scope=scope)
    story.tokens[name] = answer.token
    claims = claims_of(answer.token) if answer.token else {}
    story.show.expect(
        answer.status == 200 and (claims["sub"], claims["client_id"], claims["aud"], claims["scope"], _chain(claims))
        == ("sara", application, story.url(resource), scope, chain) and claims["exp"] - claims["iat"] <= 300
        and claims["sid"] == claims_of(story.tokens["T1"])["sid"],
        f"{name}: client_id {application}, act{{{'{'.join(chain)}{'}' * len(chain)}, aud {resource}, {scope}, 5 min",
        answer.body)


def _snowflake_token(story: Story) -> None:
    answer = story.agents["product-analytics"].exchange(story.tokens["T2"], story.url("snowflake"), scope=ANALYST)
    claims = claims_of(answer.token) if answer.token else {}
    story.tokens["S4"] = answer.token
    story.show.expect(
        (claims.get("aud"), claims.get("sub"), claims.get("scp"), _chain(claims))
        == ("https://acme.snowflakecomputing.com", "sara@acme.example", [ANALYST], ["product-analytics", "churn", "cowork"])
        and claims["exp"] - claims["iat"] <= 300,
        "S4: Snowflake's own audience and user, scp, act nested three deep, 5 min", answer.body)


def _lease(story: Story) -> None:
    answer = story.agents["customer-health"].exchange(story.tokens["T3"], story.url("hubspot"), scope="contacts.read")
    story.tokens["lease"] = answer.token
    contacts = httpx.get(f"http://localhost:{story.stage.ports['hubspot']}/crm/v3/objects/contacts",
                         headers={"Authorization": f"Bearer {answer.token}"})
    story.show.expect(answer.token.startswith("hs-at-") and contacts.status_code == 200,
                      "the lease is HubSpot's own access token for Sara's account", answer.body)


async def row_6(story: Story) -> None:
    story.show.row("6", "Each server stays in its lane")
    health, analytics = story.agents["customer-health"], story.agents["product-analytics"]
    story.refused(health.exchange(story.tokens["T3"], story.url("snowflake"), scope=ANALYST), "access_denied",
                  "customer-health asks for Snowflake", "snowflake-never-to-customer-health")
    story.refused(analytics.exchange(story.tokens["T2"], story.url("hubspot"), scope="contacts.read"), "access_denied",
                  "product-analytics asks for HubSpot", "hubspot-never-to-product-analytics")
    story.news()


async def row_6b(story: Story) -> None:
    story.show.row("6b", "The detour: customer-health by way of product-analytics, right after row 4")
    detour = story.agents["customer-health"].exchange(story.tokens["T3"], story.url("analytics"), scope="query")
    story.show.expect(detour.status == 200, "customer-health may ask product-analytics", detour.body)
    answer = story.agents["product-analytics"].exchange(detour.token, story.url("snowflake"), scope=ANALYST)
    story.refused(answer, "access_denied", "but not reach Snowflake through it", "snowflake-never-to-customer-health")
    story.news()


async def row_7(story: Story) -> None:
    story.show.row("7", "A misconfigured orchestrator asks for too much: refused whole")
    churn, t1 = story.agents["churn"], story.tokens["T1"]
    story.refused(churn.exchange(t1, [story.url("analytics"), story.url("health")]), "invalid_target",
                  "two resources at once")
    story.refused(churn.exchange(t1, story.url("analytics"), scope="query export"), "invalid_scope",
                  "a wider scope than its dependency")
    outside = churn.exchange(t1, story.url("snowflake"))
    story.refused(outside, "access_denied", "a resource that it does not depend on")
    story.news()


async def row_8(story: Story) -> None:
    story.show.row("8", "No delete operation anywhere in the chain")
    answer = story.agents["churn"].exchange(story.tokens["T1"], story.url("analytics"), scope="purge")
    story.refused(answer, "access_denied", "churn asks for the delete-class scope purge", "no-delete-in-any-chain")
    try:
        await story.cowork.call(story.url("churn"), "delete_quiet_customers")
        refusal = "nothing"
    except ToolError as error:
        refusal = short(str(error))
    story.show.expect("Insufficient privileges" in refusal and "delete" in refusal,
                      "an SQL DELETE with the reader's token fails at Snowflake itself", refusal)
    result = await story.cowork.call(story.url("churn"), "predict_churn")
    story.show.expect(len(result) == 4, "and no row is gone", result)
    story.news()


async def row_9(story: Story) -> None:
    story.show.row("9", "A stolen token, and a foreign actor")
    health, churn = story.agents["customer-health"], story.agents["churn"]
    story.refused(health.exchange(story.tokens["T2"], story.url("hubspot")), "invalid_grant",
                  "customer-health presents a token that was made for product-analytics")
    story.refused(
        churn.exchange(story.tokens["T1"], story.url("analytics"), actor_token=story.tokens["T3"],
                       actor_token_type=ACCESS_TOKEN),
        "invalid_request", "churn adds someone else's token as its actor")
    direct = httpx.post(story.url("health"), json={}, headers={"Authorization": f"Bearer {story.tokens['T2']}"})
    story.show.expect(direct.status_code == 401, "the stolen token does not open another server either", direct.status_code)
    story.news()


async def row_10(story: Story) -> None:
    story.show.row("10", "Cowork refreshes; a resource outside the authorization is not to be had")
    auth = story.cowork.auth(story.url("churn"))
    auth.context.token_expiry_time = time.time() - 1  # the stock client now believes that T1 is over
    await story.cowork.call(story.url("churn"), "predict_churn")
    held = await story.cowork.tokens(story.url("churn"))
    fresh = claims_of(held.access_token)
    story.show.expect(
        held.access_token != story.tokens["T1"] and held.refresh_token != story.tokens["RT1"]
        and (fresh["aud"], fresh["sid"], fresh["scope"]) == (story.url("churn"), claims_of(story.tokens["T1"])["sid"], "run"),
        "T1′ and RT1′: same session, same scope, both new", fresh)
    story.tokens["T1'"], story.tokens["RT1'"] = held.access_token, held.refresh_token
    answer = _refresh(story, held.refresh_token, resource=story.url("snowflake"))
    story.refused(answer, "invalid_target", "Cowork refreshes towards Snowflake")
    story.news()


def _refresh(story: Story, token: str, **more: str) -> Answer:
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": story.document, **more}
    answer = httpx.post(f"{story.stage.issuer}/token", data=form)
    return Answer(answer.status_code, answer.json())


async def row_11(story: Story) -> None:
    story.show.row("11", "Cowork connects to the other two as well: three authorizations, one session")
    before = story.sara.signed_in
    usage = await story.cowork.call(story.url("analytics"), "get_usage")
    health = await story.cowork.call(story.url("health"), "get_health")
    story.show.expect(len(usage) == 4 and len(health) == 4, "both answer Cowork directly", (usage, health))
    story.show.expect(story.sara.signed_in == before, "no password was typed again")
    held = [claims_of((await story.cowork.tokens(story.url(slug))).access_token) for slug in ("churn", "analytics", "health")]
    story.show.expect(len({claims["sid"] for claims in held}) == 1, "one session", held)
    story.show.expect(len({claims["anc"][0] for claims in held}) == 3, "three authorizations", held)
    story.news()
    await _through_the_servers(story)


async def _through_the_servers(story: Story) -> None:
    """The same lanes, tried by the servers' own tools; and scopes of tools."""
    cases = (
        ("health", "read_usage", "snowflake-never-to-customer-health"),
        ("health", "read_usage_by_detour", "snowflake-never-to-customer-health"),
        ("analytics", "read_contacts", "hubspot-never-to-product-analytics"),
        ("analytics", "purge", "needs the scope purge"),
    )
    for slug, tool, said in cases:
        try:
            await story.cowork.call(story.url(slug), tool)
            text = "nothing"
        except ToolError as error:
            text = short(str(error))
        story.show.expect(said in text, f"{slug}'s tool {tool} is refused: {said}", text)
    story.news()


async def row_13(story: Story) -> None:
    story.show.row("13", "Sara closes the session")
    story.tokens["T1"] = (await story.cowork.tokens(story.url("churn"))).access_token
    story.show.expect(_knock(story, "T1") != 401, "churn's server still takes T1")
    began = time.monotonic()
    story.sara.press(f"{story.stage.issuer}/account", "action", "close")
    closed = time.monotonic()
    dead = await _until_refused(story, "T1", 1.0)
    story.show.expect(dead, "an unexpired T1 sent straight to churn's server is refused within 1 s")
    story.show.note(f"{(time.monotonic() - closed) * 1000:.0f} ms from the close to the server's first refusal")
    churn, health, analytics = (story.agents[a] for a in ("churn", "customer-health", "product-analytics"))
    for what, answer in (
        ("churn, T1 → analytics", churn.exchange(story.tokens["T1"], story.url("analytics"))),
        ("churn, T1 → health", churn.exchange(story.tokens["T1"], story.url("health"))),
        ("product-analytics, T2 → snowflake", analytics.exchange(story.tokens["T2"], story.url("snowflake"))),
        ("customer-health, T3 → hubspot", health.exchange(story.tokens["T3"], story.url("hubspot"))),
        ("Cowork, refresh", _refresh(story, (await story.cowork.tokens(story.url("churn"))).refresh_token)),
    ):
        story.refused(answer, "invalid_grant", what)
    owners = {"T1": churn, "T2": analytics, "T3": health}
    for name, owner in owners.items():
        body = owner.introspect(story.tokens[name])
        story.show.expect(body == {"active": False}, f"introspection of {name}: not active", body)
    last = time.monotonic()
    story.show.note(f"from close to last refusal: {last - began:.2f} s")
    await _lease_is_gone(story)
    left = claims_of(story.tokens["S4"])["exp"] - time.time()
    story.show.expect(left <= 300, f"what outlives it: Snowflake's JWT, {max(left, 0):.0f} s more at most")
    story.news()


async def _lease_is_gone(story: Story) -> None:
    url = f"http://localhost:{story.stage.ports['hubspot']}/crm/v3/objects/contacts"
    for _ in range(50):
        status = httpx.get(url, headers={"Authorization": f"Bearer {story.tokens['lease']}"}).status_code
        if status == 401:
            break
        await asyncio.sleep(0.1)
    story.show.expect(status == 401, "HubSpot does not take the lease any more: revoked upstream", status)


def _knock(story: Story, name: str) -> int:
    headers = {"Authorization": f"Bearer {story.tokens[name]}", "Accept": "application/json, text/event-stream"}
    return httpx.post(story.url("churn"), json={}, headers=headers, timeout=10).status_code


async def _until_refused(story: Story, name: str, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if await asyncio.to_thread(_knock, story, name) == 401:
            return time.monotonic() <= end
        await asyncio.sleep(0.01)
    return False


async def row_13b(story: Story, silence: Any) -> None:
    """The same with the feed held back: the server notices the silence, and asks."""
    story.show.row("13b", "Again, with the feed silenced: the server hears nothing, and asks")
    again = Cowork(story.document, story.sara)
    await again.call(story.url("churn"), "predict_churn")
    story.tokens["again"] = (await again.tokens(story.url("churn"))).access_token
    story.show.expect(_knock(story, "again") != 401, "a new session is open, and its token taken")
    silence(True)
    story.sara.press(f"{story.stage.issuer}/account", "action", "close")
    closed = time.monotonic()
    dead = await _until_refused(story, "again", 5.0)
    story.show.expect(dead, f"refused within 5 s all the same ({time.monotonic() - closed:.2f} s)")
    silence(False)
    story.news()


async def explanations(story: Story) -> None:
    story.show.row("why", "carnet why explains each refusal that policy made")
    named = [answer for answer in story.refusals if answer.body.get("policy")]
    for answer in named:
        decision, policy = answer.body["decision_id"], answer.body["policy"]
        text = story.stage.must("why", decision)
        good = policy["id"] in text and f"{policy['file']}:{policy['line']}" in text
        story.show.expect(good, f"carnet why {decision[:2]}…{decision[-6:]}: {policy['id']}", text)
    for line in story.stage.must("why", named[-1].body["decision_id"]).splitlines() if named else []:
        story.show.note(line)


async def ledger(story: Story) -> None:
    story.show.row("tail", "The whole story once more, from the ledger")
    lines = story.stage.must("tail", "--json", "-n", "2000").splitlines()
    text = "\n".join(lines)
    missing = [decision for decision in story.decisions if decision not in text]
    story.show.expect(not missing, f"carnet tail has all {len(story.decisions)} events, nothing missing", missing)
    events = story.stage.events()
    calls = [call for event in events for call in event.get("calls") or []]
    tools = {call["tool"] for call in calls}
    story.show.expect(
        {"predict_churn", "get_usage", "get_health", "delete_quiet_customers", "drop_quiet_customers"} <= tools,
        f"the {len(calls)} tool calls stand there too", tools)
    issued = {event["id"] for event in events if event.get("outcome") == "allowed"}
    used = [c for call in calls for c in call["credentials"]]
    story.show.expect(used and set(used) <= issued, "each with the credentials that it used", set(used) - issued)
    outcomes = {(call["tool"], call["outcome"]) for call in calls}
    story.show.expect({("get_usage", "ok"), ("drop_quiet_customers", "error"), ("read_usage", "refused")} <= outcomes,
                      "and its outcome", outcomes)
    counts = httpx.get(f"http://localhost:{story.stage.ports['hubspot']}/counts").json()
    story.show.expect(counts["refreshing_most"] <= 1 and counts["reused"] == 0,
                      "HubSpot never saw two refreshers at once, nor a spent refresh token", counts)


ROWS = (row_0a, rows_0_to_5, row_6, row_6b, row_7, row_8, row_9, row_10, row_11, row_13)
