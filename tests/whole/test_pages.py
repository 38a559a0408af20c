"""The pages in a real Chromium: by keyboard alone, without script, narrow and wide, dark and light; pictures are kept."""

from __future__ import annotations

import http.server
import importlib.util
import threading
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from chromium import Chromium, found
from expect import granted
from parties import Client
from zone import ROOT, Zone

pytestmark = pytest.mark.skipif(found() is None, reason="no Chromium here (tools/setup --browser brings it)")
PICTURES = ROOT / "build" / "screenshots"
GOOD = "http://127.0.0.1:7777/callback"
SIZES = [(360, False), (1280, False), (360, True), (1280, True)]


@pytest.fixture(scope="module")
def chromium():
    one = Chromium()
    yield one
    one.close()


def sign_in(chromium: Chromium, zone: Zone) -> None:
    """By keyboard; where somebody is signed in already, nothing is asked."""
    if not chromium.evaluate("!!document.querySelector('input[type=password]')"):
        return
    chromium.tab_to("input", name="user") if chromium.focused()["name"] != "user" else None
    chromium.type("sara@acme.example")
    chromium.tab_to("input", name="password")
    chromium.type(zone.passwords["sara"])
    chromium.key("Enter")
    chromium.settle()


def forget(chromium: Chromium) -> None:
    chromium.send("Network.clearBrowserCookies")


def page_of(chromium: Chromium, zone: Zone, name: str) -> None:
    """Bring the browser to one of the pages."""
    client = Client(zone, "web", GOOD)
    if name == "login":
        forget(chromium)
        chromium.open(client.url())
    elif name == "error":
        chromium.open(client.url(redirect_uri="https://evil.example/"))
    elif name == "sign-in-again":
        forget(chromium)
        chromium.open(client.url())
        chromium.evaluate("document.querySelector('input[name=user]').value = 'sara@acme.example'; document.querySelector('input[type=password]').value = 'wrong'")
        chromium.evaluate("document.querySelector('input[type=password]').form.requestSubmit()")
        chromium.settle()
    else:
        target = zone.client().url(scope="run offline_access") if name == "consent" else f"{zone.issuer}/{name}"
        chromium.open(target)
        if chromium.evaluate("!!document.querySelector('input[type=password]')"):
            sign_in(chromium, zone)
            if name == "logout":
                chromium.open(target)


PAGES = ["login", "sign-in-again", "consent", "account", "error", "done", "logout"]


@pytest.mark.parametrize("name", PAGES)
def test_pages_narrow_and_wide(chromium: Chromium, zone: Zone, name: str) -> None:
    zone.entry()
    for width, dark in SIZES:
        chromium.size(width, dark=dark)
        page_of(chromium, zone, name)
        assert chromium.evaluate("document.documentElement.scrollWidth") <= width, "it scrolls sideways"
        assert chromium.evaluate("document.scripts.length") == 0
        assert chromium.evaluate("document.title") and chromium.evaluate("document.documentElement.lang")
        assert chromium.evaluate("document.querySelectorAll('h1').length") == 1
        chromium.picture(PICTURES / f"{name}-{width}{'-dark' if dark else ''}.png")


@pytest.fixture(scope="module")
def there():
    """A client's loopback address, where a browser can arrive."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802 - the library's name
            self.send_response(200)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"done")

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/callback"
    server.shutdown()
    server.server_close()


def test_sign_in_consent_allow_by_keyboard_alone(chromium: Chromium, zone: Zone, there: str) -> None:
    forget(chromium)
    chromium.size(1280)
    chromium.no_script(False)
    client = zone.client(redirect=there)
    chromium.open(client.url())
    sign_in(chromium, zone)
    allow, steps = None, []
    for _ in range(40):
        chromium.key("Tab")
        at = chromium.focused()
        steps.append(at)
        if at["tag"] == "BUTTON" and at["value"] == "allow":
            allow = at
            break
    assert allow is not None, steps
    assert all(step["shown"] for step in steps if step["tag"] in ("BUTTON", "INPUT", "A", "SUMMARY")), f"focus cannot be seen: {steps}"
    deny = next(step for step in steps if step["value"] == "deny")
    assert abs(allow["width"] - deny["width"]) <= 1 and abs(allow["height"] - deny["height"]) <= 1, "Allow and Deny are of equal size"
    chromium.key("Enter")
    code = arrived(chromium, there)
    assert code["iss"] == zone.issuer and code["state"] == "xyz"
    assert granted(client.redeem(code["code"]))["scope"] == "run"


def arrived(chromium: Chromium, there: str) -> dict[str, str]:
    """At the client's address, with what the zone answered."""
    chromium.settle()
    at = chromium.url()
    assert at.startswith(there), at
    return {name: values[0] for name, values in parse_qs(urlsplit(at).query).items()}


def test_deny_by_keyboard(chromium: Chromium, zone: Zone, there: str) -> None:
    chromium.open(zone.client(redirect=there).url())
    sign_in(chromium, zone)
    chromium.tab_to("button", value="deny")
    chromium.key(" ")
    back = arrived(chromium, there)
    assert back["error"] == "access_denied" and back["iss"] == zone.issuer and "code" not in back


def test_close_a_session_by_keyboard(chromium: Chromium, zone: Zone) -> None:
    token = zone.entry()
    chromium.open(f"{zone.issuer}/account")
    sign_in(chromium, zone)
    assert zone.agent("churn").active(token["access_token"])
    for _ in range(60):
        if not chromium.evaluate("!!document.querySelector('button[value=close]')"):
            break
        chromium.tab_to("button", value="close")
        chromium.key("Enter")
        chromium.settle()
    assert not zone.agent("churn").active(token["access_token"])


def test_what_consent_says(chromium: Chromium, zone: Zone) -> None:
    """The verified host, the user, the tree with what each may do, until when; 'stay connected' is off."""
    page_of(chromium, zone, "consent")
    text = chromium.evaluate("document.body.innerText")
    for word in (f"localhost:{zone.documents.port}", "Cowork", "sara@acme.example", "analytics", "health", "read"):
        assert word in text, f"{word!r} is not in: {text}"
    assert "purge" not in text, "what policy refuses is not asked for"
    assert chromium.evaluate("document.querySelector('input[name=stay]').checked") is False
    host = chromium.evaluate(f"[...document.querySelectorAll('*')].filter(e => e.children.length == 0 && e.textContent.includes('localhost:{zone.documents.port}')).map(e => parseFloat(getComputedStyle(e).fontSize))")
    name = chromium.evaluate("[...document.querySelectorAll('*')].filter(e => e.children.length == 0 && e.textContent.trim() == 'Cowork').map(e => parseFloat(getComputedStyle(e).fontSize))")
    assert max(host) >= max(name or [0]), "what the client calls itself is smaller than what is verified"


def test_markup_in_names_stays_text(chromium: Chromium, zone: Zone) -> None:
    url = zone.documents.put("/markup.json", client_name="<img src=x onerror=alert(1)>\u202eevil", redirect_uris=["http://127.0.0.1/callback"])
    chromium.open(Client(zone, url, GOOD).url())
    sign_in(chromium, zone)
    assert chromium.evaluate("document.images.length") == 0
    assert "<img" in chromium.evaluate("document.body.innerText") and "\u202e" not in chromium.evaluate("document.body.innerText")


def test_works_without_script(chromium: Chromium, zone: Zone) -> None:
    answer = zone.http.get(Client(zone, "web", GOOD).url())
    assert "script" not in answer.text.lower() and "script-src" not in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"] and answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer" and answer.headers["x-content-type-options"] == "nosniff"


def axe() -> Path | None:
    spec = importlib.util.find_spec("axe_core_python")
    path = Path(spec.origin).parent / "axe.min.js" if spec and spec.origin else None
    return path if path and path.exists() else None


@pytest.mark.skipif(axe() is None, reason="axe-core is not installed")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(chromium: Chromium, zone: Zone, name: str, dark: bool) -> None:
    path = axe()
    assert path is not None
    zone.entry()
    chromium.size(1280, dark=dark)
    page_of(chromium, zone, name)
    chromium.evaluate(path.read_text())
    found = chromium.evaluate("axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.map(v => v.id + ': ' + v.help + ' ' + v.nodes.map(n => n.html).join(' | ')))", wait=True)
    assert found == []
