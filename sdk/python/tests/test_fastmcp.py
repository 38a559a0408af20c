from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastmcp import Client, Context, FastMCP
from fastmcp.client.auth import BearerAuth
from fastmcp.exceptions import ToolError
from fastmcp.server.dependencies import get_access_token

from carnet import ClientSecret, ConfigurationError, NeedsReauthorization, NotGranted
from carnet.fastmcp import AccessContext, AuthProvider

from .helpers import until
from .peer import Peer, Served

SNOWFLAKE = "snowflake://acme.snowflakecomputing.com"
HUBSPOT = "https://api.hubapi.com"


class Server:
    def __init__(self, peer: Peer, listener: socket.socket) -> None:
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
        self.provider = AuthProvider(
            peer.issuer, self.url, credential=ClientSecret("churn", "hush-hush"), default_scopes=["run"], environment={}
        )
        self.mcp = FastMCP("Churn Analytics Server", auth=self.provider.get_remote_auth_provider())
        _tools(self.mcp, self.provider)

    def client(self, token: str, **headers: str) -> Client[Any]:
        from fastmcp.client.transports import StreamableHttpTransport

        return Client(StreamableHttpTransport(self.url, headers=headers, auth=BearerAuth(token)))


def _tools(mcp: FastMCP, auth_provider: AuthProvider) -> None:
    @mcp.tool()
    @auth_provider.grant(SNOWFLAKE)
    async def get_churn_data(ctx: Context, months: int = 1) -> dict[str, Any]:
        """Churn."""
        access_context: AccessContext = await ctx.get_state("carnet")
        credential = access_context.access(SNOWFLAKE)
        return {"token": credential.access_token, "months": months, "shown": repr(access_context)}

    @mcp.tool()
    @auth_provider.grant({SNOWFLAKE: "session:role:ANALYST", HUBSPOT: None})
    def sync_both(who: str) -> list[str]:
        access = AccessContext.current()
        return [who, access.access(SNOWFLAKE).access_token, access.access(HUBSPOT).access_token]

    @mcp.tool()
    @auth_provider.grant(SNOWFLAKE, scope="session:role:ADMIN", requires="purge")
    async def purge(ctx: Context) -> str:
        return (await ctx.get_state("carnet")).access(SNOWFLAKE).scope

    @mcp.tool()
    @auth_provider.requires("export")
    async def export() -> str:
        return "exported"

    @mcp.tool()
    async def undecorated() -> str:
        return repr(get_access_token())

    @mcp.tool()
    @auth_provider.grant(SNOWFLAKE)
    @auth_provider.grant(HUBSPOT)
    async def stacked(ctx: Context) -> list[str]:
        access = await ctx.get_state("carnet")
        return [access.access(SNOWFLAKE).resource, access.access(HUBSPOT).resource]

    @mcp.tool()
    @auth_provider.grant(SNOWFLAKE)
    async def catches(ctx: Context) -> str:
        try:
            (await ctx.get_state("carnet")).access(SNOWFLAKE)
        except NeedsReauthorization as error:
            return f"please open {error.authorization_url}"
        return "fine"

    @mcp.tool()
    @auth_provider.grant(SNOWFLAKE)
    async def ungranted(ctx: Context) -> str:
        access: AccessContext = await ctx.get_state("carnet")
        return str(access.access(HUBSPOT))

    @mcp.tool()
    @auth_provider.grant(SNOWFLAKE)
    async def whose(me: str, ctx: Context) -> str:
        access: AccessContext = await ctx.get_state("carnet")
        await asyncio.sleep(0.001)
        assert AccessContext.current() is access
        return access.access(SNOWFLAKE).access_token

    @mcp.resource("data://churn")
    async def churn() -> str:
        return "rows"


@pytest.fixture
def server(peer: Peer) -> Iterator[Server]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(peer, listener)
    with Served(server.mcp.http_app(), lifespan="on", listener=listener):
        yield server
    server.provider.close()


def test_challenge_and_metadata(peer: Peer, server: Server) -> None:
    answer = httpx.post(server.url, json={})
    assert answer.status_code == 401
    challenge = answer.headers["www-authenticate"]
    where = f"{server.url.removesuffix('/mcp')}/.well-known/oauth-protected-resource/mcp"
    assert f'resource_metadata="{where}"' in challenge
    metadata = httpx.get(where).json()
    assert metadata["resource"] == server.url
    assert metadata["authorization_servers"] == [peer.issuer]
    assert httpx.post(server.url, json={}, headers={"Authorization": "Bearer nonsense"}).status_code == 401


async def test_the_announcements_style(peer: Peer, server: Server) -> None:
    token = peer.token(server.url)
    async with server.client(token) as client:
        tools = {tool.name: tool for tool in await client.list_tools()}
        assert set(tools["get_churn_data"].input_schema["properties"]) == {"months"}
        result = (await client.call_tool("get_churn_data", {"months": 3})).data
    assert result["token"].startswith(f"for {SNOWFLAKE}") and result["months"] == 3
    assert result["token"] not in result["shown"]
    sent = peer.calls("token")[0]
    assert sent["subject_token"] == token and "scope" not in sent


async def test_sync_tools_and_several_resources(peer: Peer, server: Server) -> None:
    async with server.client(peer.token(server.url)) as client:
        who, snowflake, hubspot = (await client.call_tool("sync_both", {"who": "me"})).data
        assert (await client.call_tool("stacked", {})).data == [SNOWFLAKE, HUBSPOT]
    assert who == "me"
    assert snowflake.startswith(f"for {SNOWFLAKE} session:role:ANALYST") and hubspot.startswith(f"for {HUBSPOT}")


async def test_each_tool_needs_its_scope(peer: Peer, server: Server) -> None:
    cases = {
        "run": {"get_churn_data", "undecorated"},
        "purge": {"purge"},
        "export": {"export"},
        "run purge export": {"get_churn_data", "undecorated", "purge", "export"},
        "": set(),
    }
    for scope, may in cases.items():
        async with server.client(peer.token(server.url, scope=scope)) as client:
            for tool in ("get_churn_data", "undecorated", "purge", "export"):
                if tool in may:
                    await client.call_tool(tool, {})
                else:
                    with pytest.raises(ToolError, match=f"{tool} needs the scope"):
                        await client.call_tool(tool, {})


async def test_resources_need_a_default_scope(peer: Peer, server: Server) -> None:
    async with server.client(peer.token(server.url)) as client:
        assert (await client.read_resource("data://churn"))[0].text == "rows"
    async with server.client(peer.token(server.url, scope="export")) as client:
        with pytest.raises(Exception, match=r"needs the scope|[Ee]rror"):
            await client.read_resource("data://churn")


async def test_refusals_reach_the_caller_as_the_zones_line(peer: Peer, server: Server) -> None:
    line = "health may not reach snowflake: policy lane (lanes.cedar:12) forbids it · carnet why d_7"
    peer.answer = lambda form: (403, {"error": "access_denied", "error_description": line, "decision_id": "d_7"})
    async with server.client(peer.token(server.url)) as client:
        with pytest.raises(ToolError) as refused:
            await client.call_tool("get_churn_data", {})
        assert str(refused.value) == line
        peer.answer = lambda form: (400, {"error": "insufficient_authorization", "error_description": "connect",
                                          "authorization_url": "http://zone/c/1"})
        assert (await client.call_tool("catches", {})).data == "please open http://zone/c/1"
        peer.answer = peer.issue
        with pytest.raises(ToolError, match="not granted to this tool"):
            await client.call_tool("ungranted", {})


async def test_a_closed_session_is_refused_in_a_second(peer: Peer, server: Server) -> None:
    assert server.provider.wait_ready(5)
    token = peer.token(server.url)
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}
    assert httpx.post(server.url, json={}, headers=headers).status_code != 401
    peer.cut("session", "s_1")
    until(lambda: httpx.post(server.url, json={}, headers=headers).status_code == 401, 1.0)


async def test_reports_name_the_credentials_and_the_outcome(peer: Peer, server: Server) -> None:
    parent = "00-" + "c" * 32 + "-" + "d" * 16 + "-01"
    async with server.client(peer.token(server.url, jti="d_t1"), traceparent=parent) as client:
        await client.call_tool("get_churn_data", {"months": 987654})
        with pytest.raises(ToolError):
            await client.call_tool("purge", {})
        with pytest.raises(ToolError):
            await client.call_tool("sync_both", {"who": 3.5, "no": "such"})
    server.provider.reports.flush()
    calls = [call for report in peer.reports for call in report["calls"]]
    assert [(c["tool"], c["outcome"], c["jti"], c["n"]) for c in calls] == [
        ("get_churn_data", "ok", "d_t1", 1), ("purge", "refused", "d_t1", 2), ("sync_both", "error", "d_t1", 3)]
    assert len(calls[0]["credentials"]) == 1 and calls[1]["credentials"] == []
    assert calls[0]["trace"] == "c" * 32
    assert "987654" not in str(peer.reports)


async def test_nothing_secret_in_the_presented_token(peer: Peer, server: Server) -> None:
    token = peer.token(server.url)
    async with server.client(token) as client:
        shown = (await client.call_tool("undecorated", {})).data
    assert "sara" in shown and token not in shown and token.split(".")[2] not in shown


async def test_a_thousand_callers_never_see_each_other(peer: Peer, server: Server) -> None:
    """Each caller's answer names the caller whose token was exchanged for it: twenty sessions, all busy at once."""
    assert server.provider.wait_ready(30)
    peer.answer = lambda form: (200, {
        "access_token": f"of {form['subject_token']}", "token_type": "Bearer", "expires_in": 300,
        "issued_token_type": "x", "decision_id": "d_1"})
    tokens = [peer.token(server.url, sub=f"user-{number}", jti=f"d_{number}") for number in range(20)]

    async def some(client: Client[Any], token: str) -> list[str]:
        return [(await client.call_tool("whose", {"me": token}, timeout=60)).data for _ in range(25)]

    async def caller(token: str) -> None:
        # Two calls at a time for each caller: forty in flight. More only makes this process starve its own peers.
        async with server.client(token) as client:
            first, second = await asyncio.gather(some(client, token), some(client, token))
        assert len(first + second) == 50 and set(first + second) == {f"of {token}"}

    await asyncio.gather(*(caller(token) for token in tokens))
    assert len(peer.calls("token")) == len(tokens)


def test_the_wrong_stack_position_raises(server: Server) -> None:
    with pytest.raises(ConfigurationError, match="above"):

        @server.provider.grant(SNOWFLAKE)
        @server.mcp.tool()
        async def unprotected() -> str:
            return ""


def test_a_path_the_zone_does_not_know_raises(server: Server) -> None:
    with pytest.raises(ConfigurationError, match="answers at"):
        server.mcp.http_app(path="/elsewhere")


async def test_without_http_there_is_no_caller(server: Server) -> None:
    async with Client(server.mcp) as client:
        with pytest.raises(ToolError, match="no token"):
            await client.call_tool("get_churn_data", {})


def test_access_outside_a_grant() -> None:
    with pytest.raises(NotGranted):
        AccessContext.current()
