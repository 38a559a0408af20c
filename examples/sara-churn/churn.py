"""Churn prediction: an MCP server that is itself an agent, and asks the other two on Sara's behalf.

Run it with `carnet run --as churn -- python churn.py`.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

from fastmcp import Client, Context, FastMCP
from fastmcp.client.auth import BearerAuth

from carnet.fastmcp import AccessContext, AuthProvider
from serving import serve

ANALYTICS = os.environ.get("ANALYTICS_URL", "http://localhost:8002/mcp")
HEALTH = os.environ.get("HEALTH_URL", "http://localhost:8003/mcp")

auth_provider = AuthProvider()
mcp = FastMCP("Churn Analytics Server", auth=auth_provider.get_remote_auth_provider())


async def ask(access_context: AccessContext, server: str, tool: str) -> list[dict[str, Any]]:
    """Call another agent's tool with the credential that the zone made for this hop."""
    credential = access_context.access(server)
    async with Client(server, auth=BearerAuth(credential.access_token)) as client:
        result = await client.call_tool(tool, {})
        content: Any = result.structured_content
        return list(content["result"])


@mcp.tool()
@auth_provider.grant({ANALYTICS: "query", HEALTH: "read"})
async def predict_churn(ctx: Context) -> list[dict[str, Any]]:
    """The customers most likely to leave, worst first."""
    access_context: AccessContext = await ctx.get_state("carnet")
    usage, health = await asyncio.gather(
        ask(access_context, ANALYTICS, "get_usage"), ask(access_context, HEALTH, "get_health")
    )
    moods = {row["customer"]: row for row in health}
    risks = [_risk(row, moods[row["customer"]]) for row in usage if row["customer"] in moods]
    return sorted(risks, key=lambda risk: -risk["risk"])


def _risk(usage: dict[str, Any], mood: dict[str, Any]) -> dict[str, Any]:
    activity = usage["logins_last_month"] / usage["seats"]
    risk = 60 * (1 - min(activity * 8, 1)) + 4 * (10 - int(mood["nps"]))
    return {"customer": usage["customer"], "name": usage["name"], "risk": round(risk), "contact": mood["email"]}


@mcp.tool()
@auth_provider.grant(ANALYTICS, scope="query")
async def delete_quiet_customers(ctx: Context) -> list[dict[str, Any]]:
    """A deletion that no policy foresaw: it travels on a reader's token, and fails at Snowflake."""
    access_context: AccessContext = await ctx.get_state("carnet")
    return await ask(access_context, ANALYTICS, "drop_quiet_customers")


if __name__ == "__main__":
    serve(mcp, auth_provider)
