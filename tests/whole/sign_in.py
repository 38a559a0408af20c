#!/usr/bin/env python3
"""Stands in for a browser (BROWSER=…): signs in and allows, in the background, as a browser would.

usage: sign_in.py URL, with GUIDE_USER and GUIDE_PASSWORD in the environment
"""

import os
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples" / "sara-churn"))

import httpx
from sara import Sara


def main(url: str) -> None:
    parts = urlsplit(url)
    redirect = parse_qs(parts.query)["redirect_uri"][0]
    sara = Sara({f"{parts.scheme}://{parts.netloc}": (os.environ["GUIDE_USER"], os.environ["GUIDE_PASSWORD"])})
    target = sara.visit(url, redirect)
    for _ in range(100):  # the client may open its browser before it listens
        try:
            httpx.get(target, trust_env=False)
            return
        except httpx.ConnectError:
            time.sleep(0.1)


if os.fork() == 0:
    main(sys.argv[1])
