"""A headless Chromium, driven over its DevTools protocol: open, type, press keys, look, take pictures."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

_KEYS = {"Tab": 9, "Enter": 13, " ": 32, "Escape": 27}


def found() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Chromium:
    def __init__(self) -> None:
        program = found()
        assert program is not None
        self._profile = Path(tempfile.mkdtemp(prefix="carnet-chromium-"))
        flags = ["--headless=new", "--disable-gpu", "--no-first-run", "--disable-extensions", "--disable-background-networking", "--hide-scrollbars",
                 "--disable-dev-shm-usage", "--remote-debugging-port=0", f"--user-data-dir={self._profile}", "about:blank"]
        if os.geteuid() == 0:
            flags.insert(0, "--no-sandbox")
        self._log = open(self._profile / "log", "wb")  # noqa: SIM115 - belongs to the process
        self._process = subprocess.Popen([program, *flags], stdout=self._log, stderr=self._log, stdin=subprocess.DEVNULL, start_new_session=True)
        self._context = connect(self._address(), max_size=64 << 20, open_timeout=20)
        self._socket = self._context.__enter__()
        self._number, self._events = 0, []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session: str | None = None
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network"):
            self.send(f"{domain}.enable")

    def _address(self) -> str:
        port = self._profile / "DevToolsActivePort"
        for _ in range(600):
            if port.exists() and len(lines := port.read_text().split()) == 2:
                return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            assert self._process.poll() is None, (self._profile / "log").read_text(errors="replace")[-2000:]
            time.sleep(0.05)
        raise AssertionError("Chromium did not start")

    def close(self) -> None:
        try:
            self._session = None
            self.send("Browser.close")
        except Exception:  # noqa: BLE001 - gone already
            self._process.kill()
        self._context.__exit__(None, None, None)
        self._process.wait(10)
        self._log.close()
        shutil.rmtree(self._profile, ignore_errors=True)

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if getattr(self, "_session", None):
            message["sessionId"] = self._session
        self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(self._socket.recv(timeout=30))
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return dict(answer["result"])
            self._events.append(answer)

    # --- what a person does ---

    def size(self, width: int, height: int = 800, dark: bool = False) -> None:
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def no_script(self, off: bool = True) -> None:
        self.send("Emulation.setScriptExecutionDisabled", value=off)

    def open(self, url: str) -> None:
        self._events.clear()
        self.send("Page.navigate", url=url)
        self.settle()

    def settle(self, seconds: float = 10.0) -> None:
        """Until the page that was asked for has loaded."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            loaded = [e for e in self._events if e.get("method") == "Page.loadEventFired"]
            if loaded and self.evaluate("document.readyState") == "complete":
                self._events.clear()
                return
            time.sleep(0.03)
            self.evaluate("1")
        raise AssertionError(f"nothing loaded; at {self.url()}")

    def evaluate(self, expression: str, wait: bool = False) -> Any:
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=wait)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def url(self) -> str:
        history = self.send("Page.getNavigationHistory")
        return str(history["entries"][history["currentIndex"]]["url"])

    def key(self, name: str, shift: bool = False) -> None:
        text = {"Enter": "\r", " ": " "}.get(name)
        down = {"key": name, "code": "Space" if name == " " else name, "windowsVirtualKeyCode": _KEYS[name], "modifiers": 8 if shift else 0}
        self.send("Input.dispatchKeyEvent", type="keyDown", **down, **({"text": text} if text else {}))
        self.send("Input.dispatchKeyEvent", type="keyUp", **down)

    def type(self, text: str) -> None:
        self.send("Input.insertText", text=text)

    def focused(self) -> dict[str, Any]:
        """The element that has the keyboard, and whether one can see that."""
        return dict(self.evaluate("""(() => { const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
            return { tag: e.tagName, name: e.name || '', value: e.value || '', type: e.type || '', text: (e.innerText || '').trim(),
                     shown: s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0 || s.boxShadow !== 'none', width: r.width, height: r.height }; })()"""))

    def tab_to(self, tag: str, **attributes: str) -> dict[str, Any]:
        for _ in range(60):
            self.key("Tab")
            at = self.focused()
            if at["tag"] == tag.upper() and all(at[name] == value for name, value in attributes.items()):
                return at
        raise AssertionError(f"the keyboard does not reach {tag} {attributes}")

    def picture(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        shot = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))
