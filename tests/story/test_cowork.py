from __future__ import annotations

import socket
import ssl
from pathlib import Path

import httpx
import pytest
from cowork import Document, make_certificates


def test_the_document_is_served_under_its_own_authority(tmp_path: Path) -> None:
    make_certificates(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    document = Document(tmp_path, port)
    document.start()
    trusting = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    content = httpx.get(document.url, verify=trusting).json()
    assert content["client_id"] == document.url and content["token_endpoint_auth_method"] == "none"
    with pytest.raises(httpx.ConnectError):
        httpx.get(document.url)
    assert (tmp_path / "cowork.key").stat().st_mode & 0o077 == 0
    document.stop()
