"""Customer health: an MCP server that reads HubSpot on behalf of whoever asks.

Run it with `carnet run --as customer-health -- python health.py`.
"""

from __future__ import annotations

import os
from typing import Any

import httpx
from fastmcp import Client, Context, FastMCP
from fastmcp.client.auth import BearerAuth

from carnet.fastmcp import AccessContext, AuthProvider
from serving import serve

HUBSPOT = "https://api.hubapi.com"
SNOWFLAKE = "snowflake://acme.snowflakecomputing.com"
ANALYTICS = os.environ.get("ANALYTICS_URL", "http://localhost:8002/mcp")

auth_provider = AuthProvider()
mcp = FastMCP("Customer Health", auth=auth_provider.get_remote_auth_provider())


@mcp.tool()
@auth_provider.grant(HUBSPOT, scope="contacts.read")
async def get_health(ctx: Context) -> list[dict[str, Any]]:
    """How content each customer is."""
    access_context: AccessContext = await ctx.get_state("carnet")
    credential = access_context.access(HUBSPOT)
    async with httpx.AsyncClient(base_url=os.environ.get("HUBSPOT_URL", HUBSPOT)) as http:
        answer = await http.get(
            "/crm/v3/objects/contacts", headers={"Authorization": f"Bearer {credential.access_token}"}
        )
        return [contact["properties"] for contact in answer.raise_for_status().json()["results"]]


@mcp.tool()
@auth_provider.grant(SNOWFLAKE, scope="session:role:ANALYST")
async def read_usage(ctx: Context) -> str:
    """Out of its lane: customer health has no business at Snowflake, and policy says so."""
    access_context: AccessContext = await ctx.get_state("carnet")
    access_context.access(SNOWFLAKE)
    return "this must not be reached"


@mcp.tool()
@auth_provider.grant(ANALYTICS, scope="query")
async def read_usage_by_detour(ctx: Context) -> Any:
    """The same by way of product analytics: policy sees the whole chain, so this ends there."""
    access_context: AccessContext = await ctx.get_state("carnet")
    credential = access_context.access(ANALYTICS)
    async with Client(ANALYTICS, auth=BearerAuth(credential.access_token)) as analytics:
        return (await analytics.call_tool("get_usage", {})).data


if __name__ == "__main__":
    serve(mcp, auth_provider)
