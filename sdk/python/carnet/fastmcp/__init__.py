"""Protect a FastMCP server with a Carnet zone, and act on behalf of its caller.

    from fastmcp import Context, FastMCP
    from carnet.fastmcp import AccessContext, AuthProvider

    auth_provider = AuthProvider()
    mcp = FastMCP("Churn", auth=auth_provider.get_remote_auth_provider())

    @mcp.tool()
    @auth_provider.grant("snowflake://acme.snowflakecomputing.com")
    async def get_churn_data(ctx: Context) -> dict:
        access: AccessContext = await ctx.get_state("carnet")
        credential = access.access("snowflake://acme.snowflakecomputing.com")
        ...
"""

from ..context import AccessContext, Credential
from .provider import AuthProvider

__all__ = ["AccessContext", "AuthProvider", "Credential"]
