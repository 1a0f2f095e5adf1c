"""How much of a request has to be here before it takes a thread: slow senders wait where waiting costs nothing.

This reads the head loosely, and only to choose between waiting and a thread: what the request means, and whether it is
refused, is decided by the strict reader, which reads all of it again.
"""

import re

from msgspec import Struct

BODY_BYTES = 65_536  # of a body arrive without a thread; the rest of a larger one is read by a thread
_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*(?=\r\n)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect:", re.IGNORECASE)  # the client waits for a word of the server


class Wanted(Struct, frozen=True):
    """What is waited for: `enough` bytes of head and body, or before that the end of a chunked body."""

    enough: int
    chunks_from: int = -1  # where a chunked body begins; -1: the body is not chunked

    def is_here(self, data: bytearray) -> bool:
        """Whether a thread has something to do; chunks that look like the end take one early, which is harmless."""
        chunked = self.chunks_from >= 0
        return len(data) >= self.enough or (chunked and data.find(_END, self.chunks_from) >= 0)


def wanted(data: bytearray, most_body_bytes: int) -> Wanted:
    """What the head at the beginning of `data` asks to wait for; nothing for what is refused in any case."""
    end = data.find(_END) + len(_END)
    head = bytes(data[:end])
    if end < len(_END) or _EXPECT.search(head):
        return Wanted(0)
    if _CHUNKED.search(head):
        return Wanted(end + BODY_BYTES, chunks_from=end)
    lengths = _LENGTH.findall(head)
    length = int(lengths[0]) if len(lengths) == 1 else 0
    return Wanted(end + min(length, BODY_BYTES) if length <= most_body_bytes else 0)
