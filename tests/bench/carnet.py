"""A real carnetd in a folder of its own, with the bench's zone, its secrets, and Sara signed in."""

import base64
import hashlib
import html.parser
import http.client
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse

from load import Failed
from machine import Process

HERE = pathlib.Path(__file__).resolve().parent
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS = "urn:ietf:params:oauth:token-type:access_token"
REDIRECT = "http://127.0.0.1/callback"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def form(**fields):
    return urllib.parse.urlencode(fields)


def basic(client, secret):
    return "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()


def post(port, path, body, authorization=None, timeout=10):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    headers = {"Content-Type": "application/x-www-form-urlencoded", **({"Authorization": authorization} if authorization else {})}
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class Carnetd:
    name = "carnet"

    def __init__(self, build, folder):
        self.binary, self.cli, self.folder = build / "src/main/carnetd", build / "src/cli/carnet", folder
        for program in (self.binary, self.cli):
            if not program.exists():
                raise Failed(f"{program} is not built")
        self.port, self.metrics_port = free_port(), free_port()
        self.issuer = f"http://localhost:{self.port}/z/bench"
        self.url = f"http://127.0.0.1:{self.port}/z/bench/token"
        self.child, self.secrets = None, {}

    def spawn(self):
        log = open(self.folder / "carnetd.log", "ab")
        self.child = subprocess.Popen(
            [self.binary, "--state", "state", "--zone", "bench", "--listen", f"127.0.0.1:{self.port}", "--management", "",
             "--metrics", f"127.0.0.1:{self.metrics_port}", "--log-level", "warn", "--loops", "1"],
            cwd=self.folder, stdout=log, stderr=log)
        log.close()

    def start(self):
        self.spawn()
        for _ in range(1000):
            if self.child.poll() is not None:
                raise Failed(f"carnetd ended: {(self.folder / 'carnetd.log').read_text()[-600:]}")
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                time.sleep(0.01)
        raise Failed("carnetd does not get ready")

    def stop(self):
        if self.child and self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(15)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()

    def restart(self):
        self.stop()
        self.start()

    def process(self):
        return Process(self.child.pid)

    def ledger_bytes(self):
        return sum(f.stat().st_size for f in (self.folder / "state").glob("ledger.db*"))

    def counters(self):
        """Every sample of /metrics whose name stands alone."""
        connection = http.client.HTTPConnection("127.0.0.1", self.metrics_port, timeout=5)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        return {name: float(value) for name, value in re.findall(r"^(\w+) ([\d.e+]+)$", text, re.MULTILINE)}

    # --- what an administrator does

    def carnet(self, *arguments, stdin=None):
        env = {**os.environ, "CARNET_SOCKET": "state/carnet.sock", "CARNET_ZONE": "bench"}
        done = subprocess.run([self.cli, *arguments], cwd=self.folder, env=env, input=stdin, capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise Failed(f"carnet {' '.join(arguments)}: {(done.stderr or done.stdout).strip()[-400:]}")
        return done.stdout

    def set_up(self, password):
        for name in ("zone.yaml", "lanes.cedar"):
            shutil.copy(HERE / name, self.folder / name)
        self.carnet("apply", "zone.yaml")
        for application in ("cowork", "churn", "product-analytics", "nightly"):
            self.secrets[application] = json.loads(self.carnet("key", "secret", application, "--json"))["client_secret"]
        self.carnet("user", "passwd", "sara", stdin=f"{password}\n")

    def authorization(self, application):
        return basic(application, self.secrets[application])

    # --- what a client does

    def token(self, body, application=None):
        status, answer = post(self.port, "/z/bench/token", body, self.authorization(application) if application else None)
        if status != 200:
            raise Failed(f"token endpoint answered {status}: {answer.decode(errors='replace')[:400]}")
        return json.loads(answer)["access_token"]

    def sign_in(self, sara):
        """One authorization in a session of its own: an access token for churn."""
        verifier = secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = form(response_type="code", client_id="cowork", redirect_uri=REDIRECT, code_challenge=challenge, code_challenge_method="S256",
                     resource="http://localhost:8001/mcp", state=secrets.token_urlsafe(8))
        back = sara.visit(f"/z/bench/authorize?{query}", REDIRECT)
        answer = urllib.parse.parse_qs(urllib.parse.urlsplit(back).query)
        if "code" not in answer:
            raise Failed(f"Sara's sign-in ended with {answer}")
        return self.token(form(grant_type="authorization_code", code=answer["code"][0], redirect_uri=REDIRECT, code_verifier=verifier), "cowork")


class Page(html.parser.HTMLParser):
    """The first form that posts: hidden fields go back as they came, the button pressed is the one that allows."""

    def __init__(self, text):
        super().__init__()
        self.action, self.fields, self.asked, self.open, self.done = "", {}, {}, False, False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = {k: v or "" for k, v in attrs}
        if tag == "form" and not self.done:
            self.open, self.action = given.get("method", "get").lower() == "post", given.get("action", "")
        elif self.open and tag == "input" and given.get("name"):
            kind = given.get("type", "text")
            if kind == "hidden" or (kind in ("radio", "checkbox") and "checked" in given):
                self.fields[given["name"]] = given.get("value", "on")
            elif kind not in ("radio", "checkbox", "submit"):
                self.asked[given["name"]] = kind
        elif self.open and tag == "button" and given.get("name") == "action" and given.get("value") == "allow":
            self.fields["action"] = "allow"

    def handle_endtag(self, tag):
        if tag == "form" and self.open:
            self.open, self.done = False, True


class Sara:
    """A browser: cookies, forms, redirects."""

    def __init__(self, port, user, password):
        self.connection, self.user, self.password, self.cookies = http.client.HTTPConnection("localhost", port, timeout=30), user, password, {}
        self.origin = f"http://localhost:{port}"

    def ask(self, method, url, body=None):
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items()), "Origin": self.origin}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if method == "GET":
            del headers["Origin"]
        parts = urllib.parse.urlsplit(url)
        self.connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.split(";")[0]
        return answer.status, answer.getheader("Location"), text

    def visit(self, url, until):
        url = urllib.parse.urljoin(self.origin, url)
        status, location, text = self.ask("GET", url)
        for _ in range(20):
            if location:
                url = urllib.parse.urljoin(url, location)
                if url.startswith(until):
                    return url
                status, location, text = self.ask("GET", url)
                continue
            page = Page(text)
            if status >= 400 or not page.fields:
                raise Failed(f"a page answered {status}: {' '.join(re.sub('<[^>]*>', ' ', text).split())[-300:]}")
            fields = dict(page.fields)
            if "session" in fields:
                fields["session"] = "new"
            for name, kind in page.asked.items():
                fields[name] = self.password if kind == "password" else self.user
            url = urllib.parse.urljoin(url, page.action or url)
            status, location, text = self.ask("POST", url, urllib.parse.urlencode(fields))
        raise Failed("Sara goes round in circles")
