"""Responses packed as clients take them."""

import gzip

import pytest

from heronwatch.compression import SMALLEST_WORTH_BYTES
from heronwatch.http_message import Response
from heronwatch.packing import packed

TEXT = b"metric 1\n" * SMALLEST_WORTH_BYTES


async def test_a_large_body_is_packed_where_the_client_takes_it() -> None:
    answer = await packed(Response(body=TEXT, headers=(("X-Own", "1"),)), "br, gzip")
    assert dict(answer.headers) == {"X-Own": "1", "Vary": "Accept-Encoding", "Content-Encoding": "gzip"}
    assert gzip.decompress(answer.body) == TEXT


async def test_what_is_packed_is_not_packed_again() -> None:
    once = await packed(Response(body=TEXT * 100), "gzip")  # so large that a thread packs it
    assert await packed(once, "gzip") is once


@pytest.mark.parametrize(
    ("answer", "headers"),
    [
        (Response(body=TEXT), {"Vary": "Accept-Encoding"}),
        (Response(body=b"small"), {}),
        (Response(body=TEXT, compressible=False), {}),
    ],
)
async def test_the_body_is_left_as_it_is(answer: Response, headers: dict[str, str]) -> None:
    """For a client that takes no gzip, and where it would save nothing."""
    left = await packed(answer, "identity" if answer.compressible else "gzip")
    assert (left.body, dict(left.headers)) == (answer.body, headers)
