from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
import snowflake.connector
from cryptography.hazmat.primitives.asymmetric import rsa
from fake_snowflake import Integration, account, classes_of
from jwt.algorithms import RSAAlgorithm
from served import Served

AUDIENCE = "https://acme.snowflakecomputing.com"


class Issuer:
    """Publishes one RSA key, and signs what it is told to."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.issuer = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        jwk = {**RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True), "kid": "k1", "alg": "RS256", "use": "sig"}
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": json.dumps({"keys": [jwk]}).encode()})

    def token(self, algorithm: str = "RS256", key: Any = None, **changes: Any) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": AUDIENCE, "sub": "sara@acme.example", "iat": now, "exp": now + 300,
                  "scp": ["session:role:ANALYST"], **changes}
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, key or self.key, algorithm, {"kid": "k1", "typ": "federated+jwt"})


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    with Served(issuer) as served:
        issuer.issuer = f"http://127.0.0.1:{served.port}/z/dev"
        yield issuer


@pytest.fixture(scope="module")
def port(issuer: Issuer) -> Iterator[int]:
    users = {"sara@acme.example": frozenset({"ANALYST"}), "root@acme.example": frozenset({"STEWARD"})}
    with Served(account(Integration(issuer.issuer, f"{issuer.issuer}/jwks", AUDIENCE, users))) as served:
        yield served.port


def connect(port: int, token: str, **more: Any) -> Any:
    return snowflake.connector.connect(
        account="acme", host="127.0.0.1", port=port, protocol="http", database="ACME", schema="PRODUCT",
        login_timeout=3, **({"authenticator": "oauth", "token": token} | more))


def test_the_real_connector_reads_with_a_readers_token(issuer: Issuer, port: int) -> None:
    with connect(port, issuer.token()) as connection:
        assert connection.cursor().execute("SELECT count(*) FROM churn").fetchone() == (4,)


@pytest.mark.parametrize("sql", [
    "DELETE FROM churn", "delete from acme.product.churn where seats = 1", "TRUNCATE TABLE churn", "DROP TABLE churn",
    "UPDATE churn SET seats = 0", "INSERT INTO churn (customer) VALUES ('x')", "CREATE TABLE t AS SELECT * FROM churn",
    "MERGE INTO churn USING churn c ON churn.customer = c.customer WHEN MATCHED THEN DELETE", "GRANT ALL ON churn TO x",
])
def test_a_reader_changes_nothing(issuer: Issuer, port: int, sql: str) -> None:
    with connect(port, issuer.token()) as connection:
        with pytest.raises(snowflake.connector.errors.ProgrammingError, match="Insufficient privileges") as refused:
            connection.cursor().execute(sql)
        assert refused.value.errno == 3001
        assert connection.cursor().execute("SELECT count(*) FROM churn").fetchone() == (4,)


def test_a_steward_may(issuer: Issuer, port: int) -> None:
    token = issuer.token(sub="root@acme.example", scp=["session:role:STEWARD"])
    with connect(port, token) as connection:
        connection.cursor().execute("INSERT INTO churn (customer) VALUES ('C-0')")
        connection.cursor().execute("DELETE FROM churn WHERE customer = 'C-0'")


@pytest.mark.parametrize("change", [
    {"aud": "https://other.snowflakecomputing.com"}, {"iss": "http://elsewhere"}, {"exp": 1}, {"exp": None},
    {"sub": "omar@acme.example"}, {"scp": []}, {"scp": ["session:role:STEWARD"]}, {"scp": None}, {"scp": ["ANALYST"]},
])
def test_wrong_tokens_do_not_log_in(issuer: Issuer, port: int, change: dict[str, Any]) -> None:
    with pytest.raises(snowflake.connector.errors.Error):
        connect(port, issuer.token(**change))


def test_wrong_signatures_and_no_token(issuer: Issuer, port: int) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for token in (issuer.token(key=other), issuer.token("HS256", "x" * 32), "nonsense"):
        with pytest.raises(snowflake.connector.errors.Error):
            connect(port, token)
    with pytest.raises(snowflake.connector.errors.Error):
        connect(port, "", authenticator="snowflake", user="sara", password="x")


@pytest.mark.parametrize(("sql", "classes"), [
    ("SELECT 1", {"read"}), ("WITH a AS (SELECT 1) SELECT * FROM a UNION SELECT 2", {"read"}),
    ("SHOW TABLES", {"read"}), ("SELECT 1; DELETE FROM churn", {"read", "delete"}), ("", {"administer"}),
    ("CALL p()", {"administer"}), ("ALTER USER x SET y = 1", {"administer"}), ("not sql at all (", {"administer"}),
])
def test_classes(sql: str, classes: set[str]) -> None:
    found = classes_of(sql)
    assert found == classes or ("administer" in classes and "administer" in found)
