"""A secret shows itself to nobody who does not ask for it."""

import copy
import logging
import pickle
import traceback
from pathlib import Path

import msgspec
import pytest

from heronwatch.secret_sources import LARGEST_SECRET, SecretSources, SecretUnavailable
from heronwatch.secrets import Secret, mask

SECRET = Secret("hunter2")


class Login(msgspec.Struct, frozen=True):
    user: str
    password: Secret


@pytest.mark.parametrize(
    "shown",
    [repr(SECRET), str(SECRET), f"{SECRET}", f"{SECRET:>9}", "%s %r" % (SECRET, SECRET), repr(Login("a", SECRET)), repr({"p": [SECRET]})],  # noqa: UP031, E501
)  # fmt: skip
def test_no_way_of_printing_shows_it(shown: str) -> None:
    assert "hunter2" not in shown
    assert "***" in shown


def test_no_log_record_and_no_traceback_shows_it(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("t").error("login %s", Login("a", SECRET))
    with pytest.raises(ValueError) as caught:
        refuse(SECRET)
    text = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "secret = Secret(***)" in text
    assert "hunter2" not in caplog.text + text


def refuse(secret: Secret) -> None:
    raise ValueError(f"{secret} was refused")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_cannot_be_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="a secret cannot be pickled"):
        pickle.dumps(Login("a", SECRET), protocol)


def test_it_cannot_be_hashed_changed_or_encoded() -> None:
    with pytest.raises(TypeError):
        hash(SECRET)
    with pytest.raises(AttributeError):
        SECRET.text = "x"  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        del SECRET.reveal
    with pytest.raises(TypeError):
        msgspec.json.encode(Login("a", SECRET))


def test_it_equals_the_same_secret_and_no_text() -> None:
    assert Secret("hunter2") == SECRET
    assert Secret("hunter3") != SECRET
    assert SECRET != "hunter2"
    assert Secret("ключ\ud800") == Secret("ключ\ud800")


def test_a_copy_is_the_same() -> None:
    assert copy.deepcopy(Login("a", SECRET)).password is SECRET
    assert copy.copy(SECRET) is SECRET


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("password hunter2 refused", "password *** refused"),
        ("nothing here", "nothing here"),
        ("/api?token=a%20b%22c", "/api?token=***"),
        ('{"token": "a b\\"c"}', '{"token": "***"}'),
        ("hunter22", "***"),
    ],
)
def test_mask_hides_every_spelling(text: str, masked: str) -> None:
    assert mask(text, [SECRET, Secret('a b"c'), Secret("hunter22"), Secret("")]) == masked


def test_an_environment_variable_is_a_source() -> None:
    sources = SecretSources({"A": "x", "EMPTY": ""})
    assert sources.from_env("A").reveal() == "x"
    assert "x" not in repr(sources)


@pytest.mark.parametrize(
    ("content", "secret"),
    [(b"x\n", "x"), (b"x\r\n", "x"), (b"x", "x"), (b"x\n\n", "x\n"), (b" x ", " x "), ("ключ".encode(), "ключ")],
)
def test_a_file_is_a_source_without_its_trailing_newline(content: bytes, secret: str, tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(content)
    assert SecretSources({}).from_file("s", folder=tmp_path).reveal() == secret


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\n", "secret file 's' is empty"),
        (b"\xff", "secret file 's' is not UTF-8 text"),
        (b"x" * (LARGEST_SECRET + 1), "secret file 's' cannot be read: larger than 65536 bytes"),
    ],
)
def test_a_file_that_holds_no_secret_says_why(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(content)
    with pytest.raises(SecretUnavailable) as caught:
        SecretSources({}).from_file("s", folder=tmp_path)
    assert str(caught.value) == message


def test_a_path_with_a_nul_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SecretUnavailable, match="file: takes the path of a file"):
        SecretSources({}).from_file("a\0b", folder=tmp_path)
