"""Secret files: who may read them, what they hold, and that nothing prints them.

Tests design.md 3.11, 5.14.
"""

import os
from pathlib import Path

import pytest

from crypto.rng import system_rng
from runtime.errors import KeyFileError, SettingsError
from runtime.site.identity import (
    load_kek,
    load_person,
    load_process_identity,
    read_secret,
    write_secret,
    write_secret_file,
)
from runtime.site.settings import ProcessSettings
from tests.support.homes import make_home


def test_a_secret_comes_back_and_is_the_owners(tmp_path: Path) -> None:
    secret = system_rng(32)
    write_secret(tmp_path / "keys" / "sign.key", secret)
    assert (tmp_path / "keys" / "sign.key").stat().st_mode & 0o777 == 0o600
    assert read_secret(tmp_path / "keys" / "sign.key") == secret


def test_a_secret_is_never_overwritten(tmp_path: Path) -> None:
    write_secret(tmp_path / "k", bytes(32))
    with pytest.raises(KeyFileError, match="exists"):
        write_secret(tmp_path / "k", system_rng(32))
    assert read_secret(tmp_path / "k") == bytes(32)


BAD_FILES = {
    "not hex": (b"zz" * 32, "not one line of hex"),
    "not text": (b"\xff" * 32, "not one line of hex"),
    "too short": (b"ab" * 31, "31 bytes where 32"),
    "too large": (b"ab" * 20_000, "larger than"),
}


@pytest.mark.parametrize(("data", "words"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_bad_secrets_are_named_by_file_not_by_content(
    tmp_path: Path, data: bytes, words: str
) -> None:
    path = tmp_path / "sign.key"
    write_secret_file(path, data)
    with pytest.raises(KeyFileError, match=words) as caught:
        read_secret(path)
    assert str(path) in str(caught.value)
    assert "abab" not in str(caught.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_a_secret_that_others_reach_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "sign.key"
    write_secret(path, bytes(32))
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=f"mode {mode:04o}.*chmod 0600"):
        read_secret(path)


def test_a_pipe_or_folder_is_no_secret(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(KeyFileError, match="is not a file"):
            read_secret(path)


def test_a_kek_from_the_service_manager_may_be_group_readable(tmp_path: Path) -> None:
    path = tmp_path / "credentials" / "kek"
    write_secret(path, bytes(31) + b"\x01")
    path.chmod(0o440)
    settings = ProcessSettings(
        name="tax", role="node", root_verify_key="00" * 32, kek_file=str(path)
    )
    assert load_kek(tmp_path / "tax", settings).secret_bytes()[-1] == 1
    path.chmod(0o444)
    with pytest.raises(KeyFileError, match="mode 0444"):
        load_kek(tmp_path / "tax", settings)


def test_identities_never_print(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    identity = load_process_identity(home.path / "tax")
    shown = f"{identity!r} {identity}"
    assert "PRIVATE" not in shown
    assert identity.sign_key.to_seed().hex() not in shown


def test_an_unknown_person_lists_the_known(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    with pytest.raises(SettingsError, match="adam, bert, olga, rosa"):
        load_person(home.path, "roza")
