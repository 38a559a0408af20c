from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from fake_hubspot import Hubspot
from sara import Sara, forms_of
from served import Served

BACK = "http://localhost:1/z/dev/connect/callback"
CLIENT = {"client_id": "carnet", "client_secret": "s3cret"}


@pytest.fixture
def hubspot() -> Iterator[tuple[Hubspot, str]]:
    hubspot = Hubspot("carnet", "s3cret", token_seconds=60, redirect_uri=BACK)
    with Served(hubspot.app()) as served:
        yield hubspot, f"http://127.0.0.1:{served.port}"


def _connect(url: str) -> dict[str, str]:
    query = {"client_id": "carnet", "redirect_uri": BACK, "response_type": "code", "state": "x1",
             "scope": "crm.objects.contacts.read"}
    back = Sara({url: ("sara", "hubspot-pass")}).visit(f"{url}/oauth/authorize?{urlencode(query)}", BACK)
    answer = parse_qs(urlsplit(back).query)
    assert answer["state"] == ["x1"]
    form = {"grant_type": "authorization_code", "code": answer["code"][0], "redirect_uri": BACK, **CLIENT}
    tokens = httpx.post(f"{url}/oauth/v1/token", data=form)
    assert httpx.post(f"{url}/oauth/v1/token", data=form).status_code == 400  # a code is good once
    return tokens.json()


def _contacts(url: str, token: str) -> httpx.Response:
    return httpx.get(f"{url}/crm/v3/objects/contacts", headers={"Authorization": f"Bearer {token}"})


def _refresh(url: str, token: str) -> httpx.Response:
    form = {"grant_type": "refresh_token", "refresh_token": token}
    return httpx.post(f"{url}/oauth/v1/token", data=form, auth=("carnet", "s3cret"))


def test_connect_read_refresh_revoke(hubspot: tuple[Hubspot, str]) -> None:
    it, url = hubspot
    tokens = _connect(url)
    assert len(_contacts(url, tokens["access_token"]).json()["results"]) == 4
    assert _contacts(url, "eyJ.of.ours").status_code == 401
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert httpx.delete(f"{url}/crm/v3/objects/contacts/1", headers=headers).status_code == 403
    fresh = _refresh(url, tokens["refresh_token"]).json()
    assert _contacts(url, fresh["access_token"]).status_code == 200
    assert httpx.post(f"{url}/oauth/v1/revoke", data={"token": fresh["refresh_token"], **CLIENT}).status_code == 200
    assert _contacts(url, fresh["access_token"]).status_code == 401
    assert _refresh(url, fresh["refresh_token"]).status_code == 400
    assert (it.counts.refreshes, it.counts.refreshing_most, it.counts.revoked) == (1, 1, 1)


def test_a_spent_refresh_token_ends_the_grant(hubspot: tuple[Hubspot, str]) -> None:
    it, url = hubspot
    tokens = _connect(url)
    fresh = _refresh(url, tokens["refresh_token"]).json()
    assert _refresh(url, tokens["refresh_token"]).status_code == 400
    assert _contacts(url, fresh["access_token"]).status_code == 401
    assert it.counts.reused == 1


def test_wrong_client_password_and_cancel(hubspot: tuple[Hubspot, str]) -> None:
    _, url = hubspot
    query = {"client_id": "carnet", "redirect_uri": BACK, "response_type": "code"}
    page = httpx.get(f"{url}/oauth/authorize?{urlencode(query)}")
    form = forms_of(page.text)[0]
    assert form.allows()
    denied = httpx.post(f"{url}/oauth/authorize", data={**form.hidden, "action": "deny"})
    assert "error=access_denied" in denied.headers["location"]
    wrong = {**form.hidden, "action": "allow", "user": "sara", "password": "no"}
    assert httpx.post(f"{url}/oauth/authorize", data=wrong).status_code == 403
    for change in ({"client_id": "other"}, {"redirect_uri": "http://evil/"}, {"response_type": "token"}):
        assert httpx.get(f"{url}/oauth/authorize?{urlencode({**query, **change})}").status_code == 400
    assert _refresh(url, "none").status_code == 400
    assert httpx.post(f"{url}/oauth/v1/token", data={"grant_type": "refresh_token"}).status_code == 401
