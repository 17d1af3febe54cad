"""Fixtures with the hub under test and its clients, and hooks that collect the results of rows and cells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from both import blocking

from jhub import Hub
from matrix.environments import NODE
from matrix.hub import HubUnderTest, running
from matrix.installed import authenticators_in, version_in
from matrix.results import Results, of_cells, of_outcomes, result, write
from matrix.rows import ROWS, Row
from matrix.sign_in.methods import CELLS, Cell

WAYS_IN = Path(__file__).with_name("sign_in")
PROFILES = Path(__file__).with_name("profiles")
# The tests in these folders have no row in the README; each folder has tables of its own.
SINCE = {WAYS_IN: (4,), PROFILES: (5, 3)}
VERSION = pytest.StashKey[tuple[int, ...]]()
OUTCOMES = pytest.StashKey[dict[Row | Cell, set[str]]]()

Connect = Callable[..., Any]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("matrix")
    group.addoption("--environment", type=Path, help="the virtual environment of the JupyterHub to test")
    group.addoption("--results", type=Path, help="a file for the results, row by row")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "cell(cell): the cell of docs/how-to/signing-in.md that a test is about")
    config.stash[OUTCOMES] = defaultdict[Row | Cell, set[str]](set)
    if folder := config.getoption("environment", None):
        config.stash[VERSION] = version_in(folder)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Ignore folders that need a newer hub: the authenticators need JupyterHub 4, and jhub.extension 5.3."""
    since = SINCE.get(collection_path, ())
    return True if config.stash.get(VERSION, since) < since else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    mine = [item for item in items if Path(__file__).parent in item.path.parents]
    if mine and config.getoption("environment", None) is None:
        raise pytest.UsageError("tests/matrix needs --environment .matrix/VERSION; or run: make test-matrix")
    if strays := [item.nodeid for item in mine if row_of(item) is None and not SINCE.keys() & {*item.path.parents}]:
        raise pytest.UsageError(f"a test of the matrix belongs to a row of matrix/rows.py: {', '.join(strays)}")


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Expect the error of the row on a hub that is too old for it, and skip authenticators that it does not have."""
    row, cell, config = row_of(pyfuncitem), cell_of(pyfuncitem), pyfuncitem.config
    if cell is not None:
        installed = cell.authenticator.name in authenticators_in(config.getoption("environment"))
        assert installed == cell.authenticator.is_in(config.stash[VERSION])
        if not installed:
            pyfuncitem.obj = _not_there
        return (yield)
    if row is None or row.works_on(config.stash[VERSION]):
        return (yield)
    try:
        yield
    except row.refusal as error:
        assert row.words in str(error)  # noqa: PT017 - pytest.raises cannot hold a yield of a hook
        return True
    pytest.fail(f"{row.title!r} should work only from {row.since} on, but worked here")


def _not_there(**_: object) -> None:
    """Stand in for the test of an authenticator that this version does not have."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if about := row_of(item) or cell_of(item):
        item.config.stash[OUTCOMES][about].add(report.outcome)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    path, version = config.getoption("results", None), config.stash.get(VERSION, None)
    if path is None or version is None:
        return
    seen = config.stash[OUTCOMES]
    rows = {row.title: of_outcomes(seen[row], result(row, version)) for row in ROWS if row in seen}
    cells = of_cells({cell: seen[cell] for cell in CELLS if cell in seen}, version)
    write(path, Results(".".join(map(str, version)), rows, cells))


def row_of(item: pytest.Item) -> Row | None:
    """Return the row of a test."""
    mark = item.get_closest_marker("row")
    return mark.args[0] if mark is not None else None


def cell_of(item: pytest.Item) -> Cell | None:
    """Return the cell of a test."""
    mark = item.get_closest_marker("cell")
    return mark.args[0] if mark is not None else None


@pytest.fixture(scope="session")
def environment(pytestconfig: pytest.Config) -> Path:
    """Return the virtual environment of the JupyterHub to test."""
    folder: Path = pytestconfig.getoption("environment")
    return folder.absolute()


@pytest.fixture(scope="session")
def hub(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubUnderTest]:
    """Run the hub that all tests share: use `fresh` for the names that you create."""
    with running(environment, tmp_path_factory.mktemp("matrix")) as up:
        yield up


@pytest.fixture(scope="session")
def http_proxy() -> Path:
    """Return the program configurable-http-proxy."""
    program = NODE / "node_modules" / ".bin" / "configurable-http-proxy"
    if not program.exists():
        pytest.skip("needs configurable-http-proxy, which make test-matrix installs by npm")
    return program


@pytest.fixture(scope="session")
def admin_token(hub: HubUnderTest) -> str:
    """Return an administrator's API token."""
    with Hub(hub.url) as door:
        token = door.tokens.create_with_password("admin", hub.password).token
    assert token is not None
    return token


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    """Run an event loop in a thread, for AsyncHub."""
    with start_blocking_portal() as up:
        yield up


@pytest.fixture(params=["Hub", "AsyncHub"])
def connect(request: pytest.FixtureRequest, hub: HubUnderTest, portal: BlockingPortal) -> Iterator[Connect]:
    """Return a function that creates clients of the hub: `Hub` in one run, `AsyncHub` in the other."""
    made: list[Any] = []

    def make(token: str | None = None, transport: Any = None) -> Any:
        url = hub.api_url  # other URLs need a discovery request for each client
        is_sync = request.param == "Hub"
        made.append(Hub(url, token, transport=transport) if is_sync else blocking(portal, url, token, transport))
        return made[-1]

    yield make
    for client in made:
        client.close() if request.param == "Hub" else client.aclose()


@pytest.fixture
def admin(connect: Connect, admin_token: str) -> Any:
    """Return a client of an administrator."""
    return connect(admin_token)


@pytest.fixture
def operator(connect: Connect, hub: HubUnderTest) -> Any:
    """Return a client of a service with an administrator's scopes."""
    return connect(hub.services["operator"])


@pytest.fixture
def robot(connect: Connect, hub: HubUnderTest) -> Any:
    """Return a client of a service with few scopes."""
    return connect(hub.services["robot"])


@pytest.fixture
def user(admin: Any, fresh: Callable[[str], str]) -> str:
    """Create a user, and return the name."""
    name: str = admin.users.create(fresh("user")).name
    return name


@pytest.fixture
def ana(connect: Connect, hub: HubUnderTest, user: str) -> Any:
    """Return a client of the ordinary user `user`."""
    return connect(connect().tokens.create_with_password(user, hub.password).token)
