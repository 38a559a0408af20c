"""Runs a protected server where the zone says that it is."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastmcp import FastMCP

from carnet.fastmcp import AuthProvider


def serve(mcp: FastMCP, auth_provider: AuthProvider) -> None:
    where = urlsplit(auth_provider.resource.identifier)
    mcp.run(
        transport="http", host="127.0.0.1", port=where.port or 80, path=where.path, show_banner=False,
        log_level="warning", uvicorn_config={"timeout_graceful_shutdown": 1},
    )
