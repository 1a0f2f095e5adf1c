"""What both servers promise, over real sockets: the common pages, limits, HEAD, headers, a graceful stop."""

import contextlib
import gzip
import http.client
import io
import threading
import time

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text_format

from heronwatch.errors import ConfigError
from heronwatch.faults import Fault
from tests.fakes.web import BIG, Server, Site
from tests.fakes.web_client import Served, ask, connect, exchange, read_all, read_answer

OPENMETRICS = (
    "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5"  # as Prometheus 2.42 asks
)


# --- the common pages


def test_landing(shared: Served) -> None:
    answer = ask(shared, "/")
    assert answer.status == 200
    assert "Test site" in answer.text
    assert 'href="metrics"' in answer.text


def test_healthy_and_ready(shared: Served) -> None:
    assert (ask(shared, "/-/healthy").status, ask(shared, "/-/ready").status) == (200, 200)


def test_ready_gives_its_reasons(server: Server) -> None:
    with server(Site(reasons=["no database"])) as served:
        answer = ask(served, "/-/ready")
        assert (answer.status, answer.text) == (503, "Not ready:\n- no database\n")
        assert ask(served, "/-/healthy").status == 200


def test_metrics_as_text(shared: Served) -> None:
    answer = ask(shared, "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    names = {family.name for family in text_format(answer.text)}
    assert {"heronwatch_build_info", "heronwatch_config_last_reload_successful"} <= names


def test_metrics_as_openmetrics(shared: Served) -> None:
    answer = ask(shared, "/metrics", headers={"Accept": OPENMETRICS})
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert "heronwatch_build_info" in {family.name for family in openmetrics(answer.text)}


def test_metrics_gzipped_once(shared: Served) -> None:
    answer = ask(shared, "/metrics", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert b"heronwatch_build_info" in gzip.decompress(answer.body)


def test_a_large_page_is_gzipped_on_request(shared: Served) -> None:
    assert ask(shared, "/big").body == BIG
    packed = ask(shared, "/big", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed.body) == BIG
    assert "content-encoding" not in ask(shared, "/echo", headers={"Accept-Encoding": "gzip"}).headers


def test_config_is_shown_masked(shared: Served) -> None:
    answer = ask(shared, "/config")
    assert (answer.status, answer.text) == (200, "token: <secret>\n")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_reload(server: Server) -> None:
    done: list[int] = []
    site = Site(reload=lambda: done.append(1))
    with server(site) as served:
        answer = ask(served, "/-/reload", method="POST")
        assert (answer.status, answer.text, done) == (200, "Reloaded.\n", [1])
        assert site.telemetry.registry.get_sample_value("heronwatch_config_last_reload_successful") == 1
        stamp = site.telemetry.registry.get_sample_value("heronwatch_config_last_reload_success_timestamp_seconds")
        assert stamp == 1_800_000_000.0


def test_reload_of_a_bad_file_answers_every_fault(server: Server, log: io.StringIO) -> None:
    def bad() -> None:
        raise ConfigError([Fault("a.yml", 3, "x", "is wrong"), Fault("a.yml", 7, "y", "is missing")])

    site = Site(reload=bad)
    with server(site) as served:
        answer = ask(served, "/-/reload", method="POST")
        assert answer.status == 500
        assert answer.text == (
            "Not reloaded; the old configuration keeps running.\na.yml:3: x: is wrong\na.yml:7: y: is missing\n"
        )
        assert site.telemetry.registry.get_sample_value("heronwatch_config_last_reload_successful") == 0
    assert "a.yml:3: x: is wrong" in log.getvalue()


def test_reload_that_breaks_shows_in_the_metric(server: Server, log: io.StringIO) -> None:
    def broken() -> None:
        raise RuntimeError("not a ConfigError")

    site = Site(reload=broken)
    with server(site) as served:
        site.telemetry.reload_succeeded(1.0)
        answer = ask(served, "/-/reload", method="POST")
        assert (answer.status, "not a ConfigError" in answer.text) == (500, False)
        assert site.telemetry.registry.get_sample_value("heronwatch_config_last_reload_successful") == 0


def test_reloads_come_one_at_a_time(server: Server) -> None:
    inside: list[int] = []
    most: list[int] = []

    def slow() -> None:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.05)
        inside.pop()

    with server(Site(reload=slow)) as served:
        threads = [threading.Thread(target=ask, args=(served, "/-/reload"), kwargs={"method": "POST"}) for _ in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert most == [1, 1, 1]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/-/reload", "POST, PUT"),
        ("POST", "/metrics", "GET, HEAD"),
        ("DELETE", "/", "GET, HEAD"),
        ("POST", "/config", "GET, HEAD"),
    ],
)
def test_wrong_method(shared: Served, method: str, path: str, allow: str) -> None:
    answer = ask(shared, path, method=method)
    assert (answer.status, answer.headers["allow"]) == (405, allow)


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/healthy", "/config", "/own/page", "/big", "/nowhere"])
def test_head_is_get_without_the_body(shared: Served, path: str) -> None:
    get, head = ask(shared, path), ask(shared, path, method="HEAD")
    assert (head.status, head.body) == (get.status, b"")
    if path != "/metrics":  # which grows by itself
        assert head.headers["content-length"] == get.headers.get("content-length", str(len(get.body)))


def test_head_leaves_the_connection_usable(shared: Served) -> None:
    connection = http.client.HTTPConnection(shared.host, shared.port, timeout=20)
    with contextlib.closing(connection):
        for path in ("/big", "/echo", "/big"):
            connection.request("HEAD", path)
            assert read_answer(connection).status == 200
            connection.request("GET", "/echo?a=1")
            assert b'"a":["1"]' in read_answer(connection).body


# --- requests and responses


def test_what_a_handler_sees(shared: Served) -> None:
    answer = ask(shared, "/echo?a=1&a=2&b=x%20y", method="POST", body=b"hello")
    assert answer.headers["content-type"] == "application/json"
    assert answer.text == (
        '{"method":"POST","path":"/echo","query":{"a":["1","2"],"b":["x y"]},"body":"hello",'
        '"remote":"127.0.0.1","scheme":"http"}'
    )


def test_a_chunked_body(shared: Served) -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    raw = head + b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"
    assert b'"body":"hello!"' in exchange(shared, raw)


def test_too_many_parameters_are_a_bad_request(shared: Served) -> None:
    answer = ask(shared, "/echo?" + "a=1&" * 300)
    assert (answer.status, answer.text) == (400, "the URL has more than 200 parameters\n")


def test_not_found_shows_no_control_character(shared: Served) -> None:
    answer = ask(shared, "/no%0d%0aSet-Cookie:%20a%3db")
    assert answer.status == 404
    assert "set-cookie" not in answer.headers


def test_a_failing_handler_tells_the_client_nothing(shared: Served, log: io.StringIO) -> None:
    answer = ask(shared, "/boom")
    assert (answer.status, answer.text) == (500, "Internal server error; the log has the details.\n")
    assert "a secret of the inside" in log.getvalue()
    assert (
        len([line for line in log.getvalue().splitlines() if "path=/boom" in line]) == 1
    )  # one line, traceback inside


@pytest.mark.parametrize("path", ["/header", "/type"])
@pytest.mark.parametrize(
    "injected", ["a%0d%0aSet-Cookie:%20a%3db", "a%0aSet-Cookie:%20a%3db", "a%0d%0a%0d%0a<b>", "a%00"]
)
def test_no_value_can_split_a_response(shared: Served, path: str, injected: str) -> None:
    answer = ask(shared, f"{path}?value={injected}")
    assert (answer.status, "set-cookie" in answer.headers) == (500, False)


def test_keep_alive(shared: Served) -> None:
    connection = http.client.HTTPConnection(shared.host, shared.port, timeout=20)
    with contextlib.closing(connection):
        connection.connect()
        before = connection.sock
        for _ in range(3):
            connection.request("GET", "/echo")
            assert read_answer(connection).status == 200
        assert connection.sock is before


def test_pipelined_requests_are_answered_in_order(shared: Served) -> None:
    raw = b"".join(b"GET /echo?n=%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(3))
    last = b"GET /echo?n=3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    with connect(shared) as sock:
        sock.sendall(raw + last)
        text = read_all(sock)
    places = [text.index(b'"n":["%d"]' % n) for n in range(4)]
    assert places == sorted(places)
