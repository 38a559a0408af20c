"""A real zone for the whole-system tests, and whoever comes to it: agents, clients, thieves, Sara and Tom."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).resolve().parent), str(ROOT / "sdk" / "python")]

from documents import Documents  # noqa: E402
from zone import Zone, built  # noqa: E402


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if built() is None:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="carnetd is not built (make build, or CARNET_BUILD)"))


@pytest.fixture(scope="session")
def documents(tmp_path_factory: pytest.TempPathFactory):
    host = Documents(tmp_path_factory.mktemp("documents"))
    host.start()
    yield host
    host.stop()


@pytest.fixture(scope="session")
def zone(documents: Documents):
    with Zone(documents) as one:
        yield one


@pytest.fixture
def fresh(documents: Documents):
    """A zone of the test's own, to be killed or spoiled."""
    with Zone(documents) as one:
        yield one


@pytest.fixture(autouse=True)
def quiet(request: pytest.FixtureRequest):
    """After each test: the daemon lives, and its log holds no secret that the test has seen."""
    yield
    if "zone" in request.fixturenames:
        request.getfixturevalue("zone").check()
