"""What the asyncio server has beyond what both have: routes, several listeners, shared ports, Unix sockets."""

import contextlib
import http.client
import socket
import stat
from pathlib import Path

import pytest

from heronwatch.http_message import Request, Response, text_response
from heronwatch.httpd_aio import AioServer, Route
from heronwatch.values import HostPort
from tests.fakes.daemons import free_port
from tests.fakes.web import HOST, Site, aio
from tests.fakes.web_client import Served, ask, read_answer


async def shown(request: Request) -> Response:
    return text_response(f"{request.path} {dict(request.params)}")


def routes(*pairs: tuple[str, str]) -> list[Route]:
    return [Route(method, path, shown) for method, path in pairs]


def over_unix(path: Path, target: str) -> str:
    connection = http.client.HTTPConnection("localhost")
    with contextlib.closing(connection):
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(10)
        connection.sock.connect(str(path))
        connection.request("GET", target)
        return read_answer(connection).text


async def test_routes_with_parameters() -> None:
    server = AioServer(
        routes(("GET", "/feeds/{name}"), ("GET", "/a.b/{one}/x/{two}"), ("POST", "/feeds/{name}")),
        Site().options(),
        listen=HostPort(HOST, 0),
    )
    await server.start()
    try:
        import asyncio

        served = Served("aio", server.port, Site())
        found = await asyncio.to_thread(ask, served, "/feeds/a%20b")
        assert found.text == "/feeds/a b {'name': 'a b'}\n"
        assert (await asyncio.to_thread(ask, served, "/a.b/1/x/2")).text.endswith("{'one': '1', 'two': '2'}\n")
        assert (await asyncio.to_thread(ask, served, "/axb/1/x/2")).status == 404
        assert (await asyncio.to_thread(ask, served, "/feeds/a/b")).status == 404
        refused = await asyncio.to_thread(ask, served, "/feeds/a", method="DELETE")
        assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD, POST")
    finally:
        await server.stop()


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ((("GET", "/metrics"),), "/metrics is a common page"),
        ((("GET", "/a"), ("GET", "/a")), "two routes for GET /a"),
    ],
)
def test_routes_that_hide_one_another(pairs: tuple[tuple[str, str], ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AioServer(routes(*pairs), Site().options(), listen=HostPort(HOST, 0))


def test_a_unix_socket_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with aio(listen=path) as served:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert '"remote":""' in over_unix(path, "/echo")
        assert "token" in over_unix(path, "/config")  # local
        assert served.port == 0
    assert not path.exists()


def test_a_socket_left_by_a_dead_server_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with aio(listen=path):
        assert "Healthy" in over_unix(path, "/-/healthy")


def test_a_socket_of_a_living_server_is_not(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with aio(listen=path):
        with pytest.raises(OSError, match="another server listens"), aio(listen=path):
            pass
        assert "Healthy" in over_unix(path, "/-/healthy")


def test_several_processes_may_share_a_port() -> None:
    port = free_port()
    shared = HostPort(HOST, port)
    with aio(listen=shared, reuse_port=True) as one, aio(listen=shared, reuse_port=True) as two:
        assert (one.port, two.port) == (port, port)
        for _ in range(10):
            assert ask(one, "/-/healthy").status == 200
        one.stop(1.0)
        for _ in range(10):  # all go to the other now
            assert ask(two, "/-/healthy").status == 200


async def test_several_listeners(tmp_path: Path) -> None:
    places = [HostPort(HOST, 0), HostPort(HOST, 0), tmp_path / "s"]
    server = AioServer([], Site().options(), listen=places)
    await server.start()
    try:
        assert len(set(server.ports)) == 2
        assert (tmp_path / "s").is_socket()
    finally:
        await server.stop()


async def test_when_one_address_is_taken_nothing_listens() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        free = free_port()
        places = [HostPort(HOST, free), HostPort(HOST, taken.getsockname()[1])]
        server = AioServer([], Site().options(), listen=places)
        with pytest.raises(OSError, match="another program has the port"):
            await server.start()
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((HOST, free), timeout=5)
