"""How this program proves to the zone which application it is.

One source, found at construction: an explicit credential, the descriptor that
`carnet run` hands down, or a client id and secret in the environment. Two
sources are an error: a program must not guess who it is.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from .errors import CarnetError, ConfigurationError
from .secret import Form, Secret

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_AGENT_TIMEOUT = 5.0
_LONGEST_LINE = 1 << 20


class Credential(Protocol):
    """Anything that can authenticate a request to the zone."""

    @property
    def client_id(self) -> str: ...

    def parameters(self, issuer: str) -> Form:
        """The members that authenticate one request, as form fields or JSON members."""
        ...


async def parameters_async(credential: Credential, issuer: str) -> Form:
    """`parameters`, without holding up the event loop where it has to ask someone."""
    if isinstance(credential, ClientSecret):
        return credential.parameters(issuer)
    return await asyncio.to_thread(credential.parameters, issuer)


class ClientSecret:
    """A client id and its secret."""

    def __init__(self, client_id: str, client_secret: str | Secret) -> None:
        if not client_id or not client_secret:
            raise ConfigurationError("a client secret needs both an id and a secret")
        self._client_id = client_id
        self._secret = client_secret if isinstance(client_secret, Secret) else Secret(client_secret)

    @property
    def client_id(self) -> str:
        return self._client_id

    def parameters(self, issuer: str) -> Form:
        return Form(client_id=self._client_id, client_secret=self._secret.reveal())

    def __repr__(self) -> str:
        return f"ClientSecret({self._client_id!r}, …)"


@dataclass(frozen=True)
class Resource:
    """A resource that an application owns, as the zone describes it."""

    slug: str
    identifier: str
    default_scopes: tuple[str, ...]
    scopes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Description:
    issuer: str
    client_id: str
    application: str
    resources: tuple[Resource, ...]


class Agent:
    """The identity that `carnet run` lends: a descriptor that signs for us, and no secret here.

    The descriptor carries one question at a time, so it is locked against the
    threads of this process and against forked siblings that share it.
    """

    def __init__(self, descriptor: int) -> None:
        try:
            self._socket = socket.socket(fileno=descriptor)
            self._socket.settimeout(_AGENT_TIMEOUT)
            os.set_inheritable(descriptor, False)
        except OSError as error:
            raise ConfigurationError(f"CARNET_AGENT_FD={descriptor} is no descriptor of carnet run") from error
        self._threads = threading.Lock()
        # POSIX record locks are held per process, which is what keeps forked siblings apart.
        self._processes = os.memfd_create("carnet-agent")
        os.register_at_fork(after_in_child=self._forked)
        self.description = _read_description(self._ask({"op": "describe"}))

    def _forked(self) -> None:
        self._threads = threading.Lock()

    @property
    def client_id(self) -> str:
        return self.description.client_id

    def parameters(self, issuer: str) -> Form:
        answer = self._ask({"op": "assert", "audience": issuer})
        assertion = answer.get("client_assertion")
        if not isinstance(assertion, str):
            raise CarnetError("carnet run did not sign a client assertion")
        return Form(
            client_id=self.client_id,
            client_assertion_type=ASSERTION_TYPE,
            client_assertion=assertion,
        )

    def _ask(self, question: dict[str, str]) -> dict[str, Any]:
        with self._threads:
            fcntl.lockf(self._processes, fcntl.LOCK_EX)
            try:
                self._socket.sendall(json.dumps(question).encode() + b"\n")
                line = self._read_line()
            except OSError as error:
                raise CarnetError(f"carnet run does not answer: {type(error).__name__}") from None
            finally:
                fcntl.lockf(self._processes, fcntl.LOCK_UN)
        return _read_answer(line)

    def _read_line(self) -> bytes:
        line = bytearray()
        while not line.endswith(b"\n"):
            piece = self._socket.recv(65536)
            if not piece or len(line) > _LONGEST_LINE:
                raise CarnetError("carnet run has ended; so has this program's identity")
            line += piece
        return bytes(line)

    def __repr__(self) -> str:
        return f"Agent({self.client_id!r})"

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("an identity of carnet run cannot be pickled")


def _read_answer(line: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise CarnetError("carnet run answered something unreadable")
    if isinstance(answer.get("error"), str):
        raise CarnetError(f"carnet run: {answer['error']}")
    return answer


def _names(value: Any) -> tuple[str, ...]:
    return tuple(name for name in value if isinstance(name, str)) if isinstance(value, list) else ()


def _read_description(answer: Mapping[str, Any]) -> Description:
    try:
        resources = tuple(
            Resource(
                str(entry["slug"]),
                str(entry["identifier"]),
                _names(entry.get("default_scopes")),
                _names(entry["scopes"]) if isinstance(entry.get("scopes"), list) else None,
            )
            for entry in answer.get("resources") or []
        )
        return Description(str(answer["issuer"]), str(answer["client_id"]), str(answer["application"]), resources)
    except (KeyError, TypeError) as error:
        raise ConfigurationError(f"carnet run described itself incompletely: {error}") from None


def find_credential(
    explicit: Credential | None = None, environment: Mapping[str, str] | None = None
) -> Credential:
    """The one credential of this program; none or several is a ConfigurationError."""
    env = os.environ if environment is None else environment
    secret, identity = env.get("CARNET_CLIENT_SECRET"), env.get("CARNET_CLIENT_ID")
    descriptor = env.get("CARNET_AGENT_FD")
    sources = [
        name
        for name, there in (
            ("the credential argument", explicit is not None),
            ("CARNET_AGENT_FD (carnet run)", bool(descriptor)),
            ("CARNET_CLIENT_ID and CARNET_CLIENT_SECRET", bool(secret or identity)),
        )
        if there
    ]
    if len(sources) > 1:
        raise ConfigurationError(f"two sources of identity, keep one: {' and '.join(sources)}")
    if explicit is not None:
        return explicit
    if descriptor:
        if not descriptor.isdigit():
            raise ConfigurationError("CARNET_AGENT_FD is not a number")
        return _agent(int(descriptor))
    if secret or identity:
        if not (secret and identity):
            raise ConfigurationError("CARNET_CLIENT_ID and CARNET_CLIENT_SECRET go together")
        return ClientSecret(identity, secret)
    raise ConfigurationError(
        "no identity: start this program with `carnet run --as APPLICATION -- …`, "
        "or set CARNET_CLIENT_ID and CARNET_CLIENT_SECRET"
    )


_agents: dict[int, Agent] = {}
_agents_lock = threading.Lock()


def _agent(descriptor: int) -> Agent:
    # Several providers in one process share the descriptor, hence its lock.
    with _agents_lock:
        agent = _agents.get(descriptor)
        if agent is None:
            agent = _agents[descriptor] = Agent(descriptor)
        return agent
