"""Bodies larger than the server holds: their ends stay, the rest is read and dropped, in bounded memory."""

import tracemalloc

import pytest

from heronwatch.wsgi_ends import FIRST_BYTES, LAST_BYTES, BodyEnds, ends_of, whole_or_ends
from heronwatch.wsgi_request import BadRequestError
from heronwatch.wsgi_room import FREE_BYTES, BodyRoom, Held
from tests.fakes.web import wsgi
from tests.fakes.web_client import ask, exchange

PIECE = 200_000


def test_a_body_that_fits_stays_whole() -> None:
    assert whole_or_ends([b"ab", b"cd"], 4, Held(BodyRoom(0))) == b"abcd"


@pytest.mark.parametrize("most", [0, 1_000_000])
def test_of_a_larger_one_the_ends_stay(most: int) -> None:
    pieces = [bytes([number]) * PIECE for number in range(20)]
    assert whole_or_ends(pieces, most, Held(BodyRoom(most))) == ends_of(b"".join(pieces))


def test_what_is_dropped_takes_no_memory_and_no_room() -> None:
    room = BodyRoom(FREE_BYTES + PIECE)
    tracemalloc.start()
    found = whole_or_ends((b"x" * PIECE for _ in range(300)), PIECE, Held(room))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(found, BodyEnds)
    assert (found.length, len(found.first), len(found.last)) == (300 * PIECE, FIRST_BYTES, LAST_BYTES)
    assert peak < 3_000_000
    room.take(FREE_BYTES + PIECE)  # all of it is there again


def test_where_there_is_no_room_it_is_503() -> None:
    with pytest.raises(BadRequestError, match="try again"):
        whole_or_ends([b"x" * PIECE] * 2, 2 * PIECE, Held(BodyRoom(PIECE)))


def test_the_application_answers_where_it_takes_ends_and_nowhere_else() -> None:
    chunked = b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    chunks = (b"1f4\r\n" + b"x" * 500 + b"\r\n") * 3 + b"0\r\n\r\n"
    with wsgi(limits={"body_bytes": 1_000, "ends_under": "/echo", "ends_bytes": 5_000}) as served:
        assert b"xxx" in ask(served, "/echo", method="POST", body=b"x" * 1_000).body
        answer = ask(served, "/echo", method="POST", body=b"x" * 1_001)
        assert (answer.status, b"xxx" in answer.body) == (200, False)  # no application takes ends for a whole body
        assert exchange(served, chunked + chunks).startswith(b"HTTP/1.1 200")
        assert ask(served, "/echo", method="POST", body=b"x" * 5_001).status == 413
        assert ask(served, "/big", method="POST", body=b"x" * 1_001).status == 413
