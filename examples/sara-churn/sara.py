"""Sara at her browser, without one: follows redirects, fills in forms, presses buttons.

Knows her passwords per origin and nothing of any server's pages beyond HTML:
hidden inputs go back as they came, ticks stay as they are, the pressed button
is the one that allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx

_STEPS = 25


@dataclass
class Form:
    action: str
    method: str
    hidden: dict[str, list[str]] = field(default_factory=dict)
    ticked: dict[str, str] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    def allows(self) -> bool:
        return ("action", "allow") in self.buttons


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self._open)
        elif self._open is not None and tag == "input" and given.get("name"):
            self._input(self._open, given)
        elif self._open is not None and tag == "button" and given.get("type", "submit") == "submit":
            self._open.buttons.append((given.get("name", ""), given.get("value", "")))

    def _input(self, form: Form, given: Mapping[str, str]) -> None:
        kind, name = given.get("type", "text"), given["name"]
        if kind == "hidden":
            form.hidden.setdefault(name, []).append(given.get("value", ""))
        elif kind in ("checkbox", "radio"):
            if "checked" in given:
                form.ticked[name] = given.get("value", "on")
        elif kind == "submit":
            form.buttons.append((name, given.get("value", "")))
        else:
            form.asked[name] = kind

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None


def forms_of(page: str) -> list[Form]:
    parser = _Forms()
    parser.feed(page)
    return parser.forms


class Stuck(Exception):
    """A page on which Sara finds nothing to do."""


class Sara:
    """One browser profile: cookies stay, so that a second sign-in needs no password."""

    def __init__(self, passwords: Mapping[str, tuple[str, str]]) -> None:
        self._passwords = dict(passwords)
        self._http = httpx.Client(follow_redirects=False, trust_env=False, timeout=20)
        self.pages: list[tuple[str, str]] = []
        self.signed_in = 0

    def visit(self, url: str, until: str) -> str:
        """Go to `url` and on, allowing what is asked, to the first address that begins with `until`."""
        answer = self._get(url)
        for _ in range(_STEPS):
            if answer.is_redirect:
                target = urljoin(str(answer.request.url), answer.headers["location"])
                if target.startswith(until):
                    return target
                answer = self._get(target)
                continue
            answer = self._act(answer)
        raise Stuck(f"still not at {until} after {_STEPS} steps")

    def page(self, url: str) -> str:
        """Open a page and follow redirects; for looking only."""
        answer = self._get(url)
        for _ in range(_STEPS):
            if not answer.is_redirect:
                return answer.text
            answer = self._get(urljoin(str(answer.request.url), answer.headers["location"]))
        raise Stuck(url)

    def press(self, url: str, name: str, value: str) -> httpx.Response:
        """Press the button `name=value` on the page at `url`."""
        answer = self._get(url)
        for _ in range(_STEPS):
            if answer.is_redirect:
                answer = self._get(urljoin(str(answer.request.url), answer.headers["location"]))
                continue
            for form in forms_of(answer.text):
                if (name, value) in form.buttons:
                    return self._submit(answer, form, (name, value))
            answer = self._act(answer)
        raise Stuck(f"no button {name}={value} at {url}")

    def _get(self, url: str) -> httpx.Response:
        answer = self._http.get(url)
        if not answer.is_redirect:
            self.pages.append((str(answer.request.url), answer.text))
        return answer

    def _act(self, answer: httpx.Response) -> httpx.Response:
        forms = [form for form in forms_of(answer.text) if form.method == "post"]
        if answer.status_code >= 400 or not forms:
            raise Stuck(f"{answer.status_code} at {answer.request.url}: {' '.join(answer.text.split())[:300]}")
        form = next((f for f in forms if f.allows()), None) or next((f for f in forms if f.asked), forms[0])
        button = ("action", "allow") if form.allows() else (form.buttons or [("", "")])[0]
        return self._submit(answer, form, button)

    def _submit(self, answer: httpx.Response, form: Form, button: tuple[str, str]) -> httpx.Response:
        here = str(answer.request.url)
        data: dict[str, str | list[str]] = {**form.hidden, **form.ticked}
        if "password" in form.asked.values():
            data.update(self._filled(here, form))
        if button[0]:
            data[button[0]] = button[1]
        target = urljoin(here, form.action or here)
        parts = urlsplit(target)
        headers = {"Origin": f"{parts.scheme}://{parts.netloc}"}
        answer = self._http.post(target, data=data, headers=headers)
        if not answer.is_redirect:
            self.pages.append((str(answer.request.url), answer.text))
        return answer

    def _filled(self, here: str, form: Form) -> dict[str, str]:
        parts = urlsplit(here)
        user, password = self._passwords[f"{parts.scheme}://{parts.netloc}"]
        self.signed_in += 1
        return {name: password if kind == "password" else user for name, kind in form.asked.items()}
