"""The plug for FastMCP's `auth=`: verifies tokens and publishes who issues them.

Serves the resource metadata (RFC 9728) itself, so that issuer and resource
stand there byte for byte as the zone has them, and sees to it that every call
passes `Gate`, also of tools that nobody decorated.
"""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlsplit

from fastmcp.server.auth import AccessToken, RemoteAuthProvider, TokenVerifier
from pydantic import AnyHttpUrl, ConfigDict, Field
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ..credentials import Resource
from ..errors import CarnetError, ConfigurationError
from ..reports import Reports
from ..verify import VerifiedToken, Verifier
from .gate import Gate
from .scopes import ScopeRule

log = logging.getLogger("carnet.fastmcp")


class PresentedToken(AccessToken):
    """FastMCP's access token, with the token kept out of its representation."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    token: str = Field(repr=False)
    verified: VerifiedToken = Field(repr=False, exclude=True)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("a presented token is not pickled")


class CarnetTokenVerifier(TokenVerifier):
    """FastMCP's question "is this token good?", answered by `Verifier`."""

    def __init__(self, verifier: Verifier) -> None:
        super().__init__()
        self._verifier = verifier

    async def verify_token(self, token: str) -> AccessToken | None:
        try:
            verified = await self._verifier.verify_async(token)
        except CarnetError as error:
            log.info("token refused: %s", error)
            return None
        claims = dict(verified.claims)
        return PresentedToken(
            token=token,
            client_id=claims["client_id"],
            scopes=sorted(verified.scopes),
            expires_at=verified.expires_at,
            resource=claims["aud"],
            subject=claims["sub"],
            claims=claims,
            verified=verified,
        )


class CarnetRemoteAuth(RemoteAuthProvider):
    """A resource server of one zone."""

    def __init__(
        self,
        verifier: CarnetTokenVerifier,
        issuer: str,
        resource: Resource,
        rule: ScopeRule,
        reports: Reports,
    ) -> None:
        super().__init__(
            token_verifier=verifier,
            authorization_servers=[AnyHttpUrl(issuer)],
            base_url=resource.identifier,
        )
        self._issuer, self._resource = issuer, resource
        self._gate = Gate(rule, reports)

    def set_mcp_path(self, mcp_path: str | None) -> None:
        path = (mcp_path or "").rstrip("/")
        if not urlsplit(self._resource.identifier).path.rstrip("/").endswith(path):
            raise ConfigurationError(
                f"this server answers at {mcp_path}, but the zone knows it as {self._resource.identifier}"
            )
        super().set_mcp_path(mcp_path)

    def _get_resource_url(self, path: str | None = None) -> AnyHttpUrl | None:
        return AnyHttpUrl(self._resource.identifier)

    def get_routes(self, mcp_path: str | None = None) -> list[Route]:
        self.set_mcp_path(mcp_path)
        own = urlsplit(self._resource.identifier).path.rstrip("/")
        paths = {f"/.well-known/oauth-protected-resource{own}", "/.well-known/oauth-protected-resource"}
        return [Route(path, self._metadata, methods=["GET", "OPTIONS"]) for path in sorted(paths)]

    async def _metadata(self, request: Request) -> Response:
        headers = {
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Headers": "MCP-Protocol-Version",
            "Cache-Control": "public, max-age=300",
        }
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=headers)
        body = {
            "resource": self._resource.identifier,
            "authorization_servers": [self._issuer],
            "bearer_methods_supported": ["header"],
        }
        return JSONResponse(body, headers=headers)

    def get_middleware(self) -> list[Any]:
        return [Middleware(_Attach, gate=self._gate), *super().get_middleware()]


class _Attach:
    """Puts the gate in front of the FastMCP server that this app serves, before its first request."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app, self._gate = app, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        server = getattr(getattr(scope.get("app"), "state", None), "fastmcp_server", None)
        if server is None:
            raise ConfigurationError("carnet protects apps made by FastMCP.http_app()")
        if self._gate not in server.middleware:
            # Outermost, so that no other middleware answers a call that the gate would refuse.
            server.middleware.insert(0, self._gate)
        await self._app(scope, receive, send)
