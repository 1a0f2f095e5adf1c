"""A response as the client wants it: packed with gzip where the client takes that and it is worth it."""

import asyncio
from concurrent.futures import Executor

from heronwatch.compression import SMALLEST_WORTH_BYTES, accepts_gzip, gzip_bytes, gzip_seconds
from heronwatch.http_message import Response

OFF_LOOP_S = 0.0005  # what takes longer is done in a thread; handing it over costs about a tenth of this


async def packed(answer: Response, accept_encoding: str, threads: Executor | None = None) -> Response:
    """Return the response to a request with this Accept-Encoding; what is long to pack is packed in `threads`."""
    if not answer.compressible or len(answer.body) < SMALLEST_WORTH_BYTES:
        return answer
    body, headers = answer.body, (*answer.headers, ("Vary", "Accept-Encoding"))
    if accepts_gzip(accept_encoding):
        body, headers = await _gzip(body, threads), (*headers, ("Content-Encoding", "gzip"))
    return Response(
        status=answer.status, body=body, content_type=answer.content_type, headers=headers, compressible=False
    )


async def _gzip(body: bytes, threads: Executor | None) -> bytes:
    if gzip_seconds(len(body)) < OFF_LOOP_S:
        return gzip_bytes(body)
    return await asyncio.get_running_loop().run_in_executor(threads, gzip_bytes, body)
