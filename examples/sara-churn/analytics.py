"""Product analytics: an MCP server that reads Snowflake on behalf of whoever asks.

Run it with `carnet run --as product-analytics -- python analytics.py`.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

import httpx
import snowflake.connector
from fastmcp import Context, FastMCP

from carnet.fastmcp import AccessContext, AuthProvider
from serving import serve

SNOWFLAKE = "snowflake://acme.snowflakecomputing.com"
HUBSPOT = "https://api.hubapi.com"

auth_provider = AuthProvider()
mcp = FastMCP("Product Analytics", auth=auth_provider.get_remote_auth_provider())


async def query(token: str, sql: str) -> list[dict[str, Any]]:
    """Run one statement at Snowflake with the caller's own, short-lived token."""
    return await asyncio.to_thread(_query, token, sql)


def _query(token: str, sql: str) -> list[dict[str, Any]]:
    with snowflake.connector.connect(
        account="acme",
        host=os.environ.get("SNOWFLAKE_HOST", "127.0.0.1"),
        port=int(os.environ.get("SNOWFLAKE_PORT", "8005")),
        protocol="http",
        authenticator="oauth",
        token=token,
        database="ACME",
        schema="PRODUCT",
        login_timeout=10,
        client_session_keep_alive=False,
    ) as connection:
        cursor = connection.cursor(snowflake.connector.DictCursor)
        rows = cursor.execute(sql).fetchall()
        return [{str(name).lower(): _plain(value) for name, value in dict(row).items()} for row in rows]


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | str | None) else str(value)


@mcp.tool()
@auth_provider.grant(SNOWFLAKE, scope="session:role:ANALYST")
async def get_usage(ctx: Context) -> list[dict[str, Any]]:
    """How much each customer uses the product."""
    access_context: AccessContext = await ctx.get_state("carnet")
    credential = access_context.access(SNOWFLAKE)
    return await query(credential.access_token, "SELECT * FROM churn ORDER BY customer")


@mcp.tool()
@auth_provider.grant(SNOWFLAKE, scope="session:role:ANALYST")
async def drop_quiet_customers(ctx: Context) -> list[dict[str, Any]]:
    """What a hallucination would do: delete with a reader's token. Snowflake itself refuses."""
    access_context: AccessContext = await ctx.get_state("carnet")
    credential = access_context.access(SNOWFLAKE)
    return await query(credential.access_token, "DELETE FROM churn WHERE logins_last_month = 0")


@mcp.tool()
@auth_provider.requires("purge")
async def purge(ctx: Context) -> str:
    """Only for callers whose token carries the scope `purge`, which has the class delete."""
    return "purged"


@mcp.tool()
@auth_provider.grant(HUBSPOT)
async def read_contacts(ctx: Context) -> Any:
    """Out of its lane: product analytics has no business at HubSpot, and policy says so."""
    access_context: AccessContext = await ctx.get_state("carnet")
    credential = access_context.access(HUBSPOT)
    async with httpx.AsyncClient(base_url=os.environ.get("HUBSPOT_URL", HUBSPOT)) as http:
        answer = await http.get(
            "/crm/v3/objects/contacts", headers={"Authorization": f"Bearer {credential.access_token}"}
        )
        return answer.raise_for_status().json()["results"]


if __name__ == "__main__":
    serve(mcp, auth_provider)
