"""Basic authentication: right, wrong, unknown; what is remembered, and what it costs."""

import base64
import statistics
import threading
import time

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heronwatch import web_auth
from heronwatch.web_auth import BasicAuth, BcryptHash, PasswordChecks, Verdicts, parse_basic
from tests.fakes.web_client import basic as header


def hashed(password: str, rounds: int = 4) -> BcryptHash:
    return BcryptHash.parse(bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(rounds)).decode())


@pytest.fixture
def auth() -> BasicAuth:
    return BasicAuth({"ana": hashed("opensesame"), "ben": hashed("kölsch")}, Verdicts())


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The hashes that bcrypt was asked about."""
    asked: list[bytes] = []
    check = bcrypt.checkpw

    def counting(password: bytes, entry: bytes) -> bool:
        asked.append(entry)
        return check(password, entry)

    monkeypatch.setattr(web_auth.bcrypt, "checkpw", counting)
    return asked


@pytest.mark.parametrize(
    ("authorization", "verdict"),
    [
        (header("ana", "opensesame"), True),
        (header("ben", "kölsch"), True),
        (header("ana", "opensesam"), False),
        (header("ana", ""), False),
        (header("ben", "opensesame"), False),
        (header("nobody", "opensesame"), False),
        (header("", ""), False),
        (header("ana", "opensesame").replace("Basic", "basic"), True),
        (header("ana", "opensesame").replace("Basic", "Bearer"), False),
        ("Basic", False),
        ("Basic !!!", False),
        ("Basic " + base64.b64encode(b"no colon").decode(), False),
        ("Basic " + base64.b64encode(b"\xff\xfe:x").decode(), False),
        ("", False),
        (None, False),
    ],
)
def test_verdict(auth: BasicAuth, authorization: str | None, verdict: bool) -> None:
    assert auth.check(authorization) is verdict
    assert auth.check(authorization) is verdict  # remembered, the same


def test_without_users_everybody_passes() -> None:
    auth = BasicAuth({}, Verdicts())
    assert not auth.required
    assert auth.check(None)


@pytest.mark.parametrize(("user", "password"), [("ana", "opensesame"), ("ana", "wrong"), ("nobody", "x")])
def test_bcrypt_is_asked_once(auth: BasicAuth, counted: list[bytes], user: str, password: str) -> None:
    assert auth.known(header(user, password)) is None
    verdicts = {auth.check(header(user, password)) for _ in range(5)}
    assert len(counted) == 1
    assert verdicts == {auth.known(header(user, password))}


def test_an_unknown_user_is_checked_against_a_hash_of_the_highest_cost(counted: list[bytes]) -> None:
    BasicAuth({"ana": hashed("x", 4), "ben": hashed("y", 6)}, Verdicts()).check(header("nobody", "x"))
    assert [entry[:7] for entry in counted] == [b"$2b$06$"]


def test_an_unknown_user_takes_as_long_as_a_known_one() -> None:
    auth = BasicAuth({"ana": hashed("opensesame", 9)}, Verdicts())

    def seconds(user: str, attempt: int) -> float:
        begin = time.thread_time()
        auth.check(header(user, f"guess {attempt}"))
        return time.thread_time() - begin

    known = statistics.median(seconds("ana", n) for n in range(7))
    unknown = statistics.median(seconds("nobody", n) for n in range(7))
    assert 0.5 < unknown / known < 2


def test_new_users_are_not_answered_from_what_was_known_of_the_old() -> None:
    verdicts = Verdicts()
    assert BasicAuth({"ana": hashed("old")}, verdicts).check(header("ana", "old"))
    changed = BasicAuth({"ana": hashed("new")}, verdicts)
    assert changed.known(header("ana", "old")) is None
    assert not changed.check(header("ana", "old"))
    assert not BasicAuth({"ben": hashed("old")}, verdicts).check(header("ana", "old"))


def test_the_same_users_read_again_are_still_known() -> None:
    verdicts, users = Verdicts(), {"ana": hashed("x")}
    BasicAuth(users, verdicts).check(header("ana", "x"))
    assert BasicAuth(dict(users), verdicts).known(header("ana", "x")) is True


def test_no_password_is_kept(auth: BasicAuth) -> None:
    auth.check(header("ana", "opensesame"))
    kept = repr(auth._verdicts._known).encode() + b"".join(auth._verdicts._known[1])
    assert b"opensesame" not in kept
    assert header("ana", "opensesame").encode() not in kept
    assert Verdicts().secret != Verdicts().secret


def test_a_flood_of_guesses_does_not_push_out_the_right_ones() -> None:
    verdicts = Verdicts()
    verdicts.put(b"right", True)
    for number in range(web_auth.MOST_REMEMBERED * 2):
        verdicts.put(b"%d" % number, False)
    assert verdicts.get(b"right") is True
    assert verdicts.get(b"0") is None
    assert len(verdicts._known[False]) == web_auth.MOST_REMEMBERED


def test_only_so_many_checks_at_once() -> None:
    checks = PasswordChecks(2)
    assert [checks.begin(), checks.begin(), checks.begin()] == [True, True, False]
    checks.end()
    assert checks.begin()


def test_verdicts_survive_threads() -> None:
    verdicts = Verdicts()
    threads = [
        threading.Thread(target=lambda n=n: [verdicts.put(b"%d-%d" % (n, k), False) for k in range(500)])
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(verdicts._known[False]) == web_auth.MOST_REMEMBERED


@pytest.mark.parametrize("text", ["", "x", "$2y$10$short", "$1$abc$def", "$2y$03$" + "." * 53, "$2y$32$" + "." * 53])
def test_what_is_no_bcrypt_hash(text: str) -> None:
    with pytest.raises(ValueError, match="bcrypt"):
        BcryptHash.parse(text)


def test_a_password_longer_than_bcrypt_reads() -> None:
    long = "x" * 100
    assert BasicAuth({"ana": hashed(long)}, Verdicts()).check(header("ana", long))


@given(st.text(max_size=60))
def test_any_header_gets_a_verdict(text: str) -> None:
    assert BasicAuth({"ana": hashed_once()}, Verdicts()).check(text) is False


@given(st.text(max_size=20).filter(lambda text: ":" not in text), st.text(max_size=20))
def test_basic_credentials_come_back(user: str, password: str) -> None:
    assert parse_basic(header(user, password)) == (user, password.encode())


_ONCE: list[BcryptHash] = []


def hashed_once() -> BcryptHash:
    if not _ONCE:
        _ONCE.append(hashed("opensesame"))
    return _ONCE[0]
