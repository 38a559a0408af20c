from __future__ import annotations

from collections.abc import Iterator

import pytest

from carnet import ClientSecret, Feed, Verifier, Zone
from carnet.cuts import Cuts

from .peer import Peer, Served

AUDIENCE = "http://localhost:8001/mcp"


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    with Served(peer) as served:
        peer.origin = f"http://127.0.0.1:{served.port}"
        peer.issuer = f"{peer.origin}/z/dev"
        yield peer
        peer.down = True


@pytest.fixture
def zone(peer: Peer) -> Zone:
    return Zone(peer.issuer)


@pytest.fixture
def credential() -> ClientSecret:
    return ClientSecret("churn", "hush-hush")


@pytest.fixture
def feed(zone: Zone, credential: ClientSecret) -> Iterator[Feed]:
    feed = Feed(zone, credential, Cuts())
    yield feed
    feed.stop()


@pytest.fixture
def verifier(zone: Zone, credential: ClientSecret, feed: Feed) -> Verifier:
    return Verifier(zone, AUDIENCE, credential, feed)


@pytest.fixture
def audience() -> str:
    return AUDIENCE


