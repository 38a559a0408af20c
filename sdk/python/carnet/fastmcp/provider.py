"""`AuthProvider`: one protected FastMCP server, its identity and its zone.

Everything is settled at construction: who this program is, which zone it
trusts, which resource it is. What is missing raises there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ..credentials import Agent, Credential, Resource, find_credential
from ..cuts import Cuts
from ..errors import ConfigurationError
from ..exchange import Exchanger
from ..feed import Feed
from ..reports import Reports
from ..verify import Verifier
from ..zone import Zone
from .grant import Grants
from .remote import CarnetRemoteAuth, CarnetTokenVerifier
from .scopes import ScopeRule

F = TypeVar("F", bound=Callable[..., Any])


class AuthProvider:
    """Authentication and delegation for one FastMCP server.

    Under `carnet run` it needs no argument. Elsewhere: `zone_url` (or
    CARNET_ZONE_URL), `server_url` (or CARNET_SERVER_URL; the URL that clients
    use, path included), a credential (or CARNET_CLIENT_ID and
    CARNET_CLIENT_SECRET) and `default_scopes` (the scopes one of which a tool
    needs that names none; `[]` if the resource has no scopes).
    """

    def __init__(
        self,
        zone_url: str | None = None,
        server_url: str | None = None,
        *,
        credential: Credential | None = None,
        default_scopes: Sequence[str] | None = None,
        insecure_http: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        env = os.environ if environment is None else environment
        self.credential = find_credential(credential, env)
        issuer = _issuer(zone_url or env.get("CARNET_ZONE_URL"), self.credential)
        resource = _resource(server_url or env.get("CARNET_SERVER_URL"), self.credential, default_scopes)
        self.resource = _check_resource(resource)
        self.zone = Zone(issuer, insecure_http=insecure_http)
        cuts = Cuts()
        self.exchanger = Exchanger(self.zone, self.credential, cuts=cuts)
        self.feed = Feed(self.zone, self.credential, cuts, on_cut=self.exchanger.cache.purge)
        self.verifier = Verifier(self.zone, resource.identifier, self.credential, self.feed)
        self.reports = Reports(self.zone, self.credential)
        self._rule = ScopeRule(resource)
        self._grants = Grants(self.exchanger, self._rule)

    def get_remote_auth_provider(self) -> CarnetRemoteAuth:
        """What FastMCP takes as `auth=`."""
        self.feed.start()
        verifier = CarnetTokenVerifier(self.verifier)
        return CarnetRemoteAuth(verifier, self.zone.issuer, self.resource, self._rule, self.reports)

    def grant(
        self,
        resource: str | Sequence[str] | Mapping[str, str | None],
        *more: str,
        scope: str | None = None,
        requires: str | None = None,
    ) -> Callable[[F], F]:
        """Decorate a tool that needs credentials for other resources, below `@mcp.tool()`.

        `resource`: one identifier, several, or a mapping of identifier to scope.
        `requires`: the scope of this server that a caller must hold to use the tool.
        """
        return self._grants.grant(_wanted(resource, more, scope), requires)

    def requires(self, scope: str) -> Callable[[F], F]:
        """Decorate a tool that needs no other resource, but a scope of its own."""
        return self._grants.grant({}, scope)

    def wait_ready(self, timeout: float | None = None) -> bool:
        """Wait for the first heartbeat of the feed; until then every token is asked about."""
        return self.feed.wait_ready(timeout)

    def close(self) -> None:
        """Stop the background threads and send the last reports."""
        self.feed.stop()
        self.reports.stop()
        self.zone.http.close()

    def __repr__(self) -> str:
        return f"AuthProvider(zone={self.zone.issuer!r}, resource={self.resource.identifier!r})"

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("an AuthProvider is not pickled: construct one in each process")


def _issuer(given: str | None, credential: Credential) -> str:
    described = credential.description.issuer if isinstance(credential, Agent) else None
    issuer = given or described
    if not issuer:
        raise ConfigurationError("no zone: pass zone_url or set CARNET_ZONE_URL")
    if described and issuer != described:
        raise ConfigurationError(f"zone_url is {issuer}, but carnet run speaks for {described}")
    return issuer


def _resource(given: str | None, credential: Credential, default_scopes: Sequence[str] | None) -> Resource:
    if isinstance(credential, Agent):
        resource = _described(given, credential)
        if default_scopes is None:
            return resource
        return Resource(resource.slug, resource.identifier, tuple(default_scopes), resource.scopes)
    if not given:
        raise ConfigurationError("no audience: pass server_url or set CARNET_SERVER_URL")
    if default_scopes is None:
        raise ConfigurationError(
            "no default scopes: pass default_scopes=[…], as the zone file has them ([] if the resource has no scopes)"
        )
    return Resource("", given, tuple(default_scopes))


def _described(given: str | None, agent: Agent) -> Resource:
    resources = agent.description.resources
    chosen = [r for r in resources if given in (None, r.identifier)][:1]
    if not chosen:
        owns = ", ".join(r.identifier for r in resources) or "no resource"
        raise ConfigurationError(f"{agent.description.application} owns {owns}, not {given or 'one to serve'}")
    return chosen[0]


def _check_resource(resource: Resource) -> Resource:
    parts = urlsplit(resource.identifier)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.fragment or parts.query:
        raise ConfigurationError(f"{resource.identifier} is not the URL of a server")
    return resource


def _wanted(
    resource: str | Sequence[str] | Mapping[str, str | None], more: Sequence[str], scope: str | None
) -> dict[str, str | None]:
    if isinstance(resource, Mapping):
        if more or scope:
            raise ConfigurationError("a mapping names each resource's scope itself")
        return dict(resource)
    names = [resource, *more] if isinstance(resource, str) else [*resource, *more]
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ConfigurationError("grant needs the identifier of a resource")
    if scope and len(names) > 1:
        raise ConfigurationError("scope belongs to one resource: use grant({resource: scope, …})")
    return {name: scope for name in names}
