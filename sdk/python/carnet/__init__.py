"""Delegated authorization for multi-agent apps: the Python side of a Carnet zone.

`carnet.fastmcp` protects a FastMCP server. What it stands on is here, for any
other program: `Zone`, `Verifier`, `Exchanger`, `Feed`, `Reports`.
"""

from .context import AccessContext, Credential
from .credentials import Agent, ClientSecret, find_credential
from .errors import (
    AccessDenied,
    CarnetError,
    ConfigurationError,
    ExchangeError,
    InvalidGrant,
    InvalidScope,
    InvalidTarget,
    MissingScope,
    NeedsReauthorization,
    NotGranted,
    RateLimited,
    TokenRefused,
    UnauthorizedClient,
    ZoneUnreachable,
)
from .exchange import Exchanger
from .feed import Feed
from .reports import Reports
from .verify import VerifiedToken, Verifier
from .zone import Zone

__all__ = [
    "AccessContext",
    "AccessDenied",
    "Agent",
    "CarnetError",
    "ClientSecret",
    "ConfigurationError",
    "Credential",
    "ExchangeError",
    "Exchanger",
    "Feed",
    "InvalidGrant",
    "InvalidScope",
    "InvalidTarget",
    "MissingScope",
    "NeedsReauthorization",
    "NotGranted",
    "RateLimited",
    "Reports",
    "TokenRefused",
    "UnauthorizedClient",
    "VerifiedToken",
    "Verifier",
    "Zone",
    "ZoneUnreachable",
    "find_credential",
]
__version__ = "0.1.0"
