"""Settings, profiles and endpoints: each mistake is named, with file, key and mend.

Tests design.md 2.1.7, 5.8, 5.15, 7.3.
"""

import json
import os
from pathlib import Path

import pytest

from model.toml import to_toml
from runtime.errors import SettingsError, Unreachable
from runtime.site import endpoints
from runtime.site.database_url import check_url
from runtime.site.profile import default_user_folder, find_profile
from runtime.site.settings import PersonSettings, ProcessSettings, load_settings

GOOD = {"name": "tax", "role": "node", "root_verify_key": "ab" * 32}

MISTAKES = {
    "a key misspelt": ({**GOOD, "lisen": "127.0.0.1:0"}, 'unknown key "lisen". Did you mean "li'),
    "a key misspelt in a table": (
        {**GOOD, "server": {"thread": 4}},
        '[server]: unknown key "thread". Did you mean "threads"?',
    ),
    "a key missing": ({"name": "tax", "role": "node"}, 'key "root_verify_key" is missing'),
    "text for a number": ({**GOOD, "server": {"threads": "4"}}, '[server]: key "threads"'),
    "a number out of range": ({**GOOD, "server": {"threads": 0}}, "greater than or equal to 1"),
    "no port": ({**GOOD, "listen": "127.0.0.1"}, 'key "listen"'),
    "a key that is no key": ({**GOOD, "root_verify_key": "AB" * 32}, 'key "root_verify_key"'),
}


@pytest.mark.parametrize(("table", "words"), MISTAKES.values(), ids=MISTAKES.keys())
def test_mistakes_are_named(tmp_path: Path, table: dict[str, object], words: str) -> None:
    path = tmp_path / "process.toml"
    path.write_text(to_toml(table))
    with pytest.raises(SettingsError) as caught:
        load_settings(path, ProcessSettings)
    assert str(path) in str(caught.value)
    assert words in str(caught.value)


PASSWORDS = {
    "a plain one": "postgresql://hedui:secret@db/city",
    "with a slash": "postgresql://hedui:secret/7@db/city",
    "a port and a slash, as it seems": "postgresql://hedui:5432/secret@db/city",
    "with a question mark": "postgresql://hedui:5432?secret@db/city?dbname=city",
    "with a hash": "postgresql://hedui:secret#7@db/city",
    "with a bracket": "postgresql://hedui:[secret@db/city",
    "with a sign of Unicode that splits": "postgresql://hedui:secret\u2100@db/city",
    "as a parameter": "postgresql://hedui@db/city?password=secret",
    "as a parameter in capitals": "postgresql://hedui@db/city?PASSWORD=secret",
    "of a key": "postgresql://hedui@db/city?sslpassword=secret",
}


@pytest.mark.parametrize("url", PASSWORDS.values(), ids=PASSWORDS.keys())
def test_a_database_url_with_a_password_is_refused_and_never_shown(
    tmp_path: Path, url: str
) -> None:
    path = tmp_path / "process.toml"
    path.write_text(to_toml({**GOOD, "database_url": url}))
    with pytest.raises(SettingsError, match=r'key "database_url": it') as caught:
        load_settings(path, ProcessSettings)
    assert "secret" not in str(caught.value)


URLS = {
    "user, host and port": "postgresql://hedui@db:5433/city",
    "a socket's folder": "postgresql:///city?host=/run/postgresql",
    "an address of IPv6": "postgresql://hedui@[::1]:5432/city",
    "a search path, and an @ in it": "postgresql://db:5432/city?options=-csearch_path%3Da%40b",
}


@pytest.mark.parametrize("url", URLS.values(), ids=URLS.keys())
def test_a_database_url_without_one_is_taken(url: str) -> None:
    assert check_url(url) == url


def test_not_toml_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "process.toml"
    path.write_text('name = "tax"\nrole =\n')
    with pytest.raises(SettingsError, match="line 2"):
        load_settings(path, ProcessSettings)


def test_settings_do_not_change(tmp_path: Path) -> None:
    path = tmp_path / "process.toml"
    path.write_text(to_toml(GOOD))
    settings = load_settings(path, ProcessSettings)
    with pytest.raises(ValueError, match="frozen"):
        settings.name = "bank"
    again = tmp_path / "again.toml"
    again.write_text(to_toml(settings.model_dump()))
    assert load_settings(again, ProcessSettings) == settings


AWKWARD = {
    "quotes and backslashes": 'C:\\"x"',
    "line breaks": "a\nb\r\n\tc",
    "control characters": "\x00\x1f\x7f",
    "Chinese": "核对",
}


@pytest.mark.parametrize("text", AWKWARD.values(), ids=AWKWARD.keys())
def test_awkward_text_survives_toml(tmp_path: Path, text: str) -> None:
    path = tmp_path / "person.toml"
    path.write_text(to_toml({"name": text, "root_verify_key": "00" * 32}), encoding="utf-8")
    assert load_settings(path, PersonSettings).name == text


def profile_in(folder: Path, home: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / home).mkdir(exist_ok=True)
    (folder / "hedui.toml").write_text(f'home = "{home}"\n', encoding="utf-8")
    return folder


def test_profiles_are_looked_for_in_order(tmp_path: Path) -> None:
    option = profile_in(tmp_path / "option", "one")
    variable = profile_in(tmp_path / "variable", "two")
    here = profile_in(tmp_path / "here", "three")
    user = profile_in(tmp_path / "user", "four")

    def found(given: Path | None, environment: dict[str, str], folder: Path) -> str:
        return find_profile(
            given, environment=environment, folder=folder, user_folder=user
        ).home.name

    environment = {"HEDUI_PROFILE": str(variable)}
    assert found(option, environment, here) == "one"
    assert found(None, environment, here) == "two"
    assert found(None, {}, here) == "three"
    assert found(None, {}, tmp_path) == "four"


def test_no_profile_names_the_places(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        find_profile(None, environment={}, folder=tmp_path, user_folder=tmp_path / "u")
    assert str(tmp_path / "hedui.toml") in str(caught.value)
    assert "--profile" in str(caught.value)


def test_the_users_folder_follows_xdg() -> None:
    assert default_user_folder({"XDG_CONFIG_HOME": "/x"}) == Path("/x/hedui")


def run_file(pid: int) -> endpoints.RunFile:
    return endpoints.RunFile(
        pid=pid,
        start_time="2026-11-23T08:00:00Z",
        address="127.0.0.1:1",
        health_address="127.0.0.1:2",
    )


def test_a_running_neighbour_comes_before_the_list(tmp_path: Path) -> None:
    endpoints.write_endpoints(tmp_path, {"tax": "10.0.0.1:7000"})
    known = endpoints.Endpoints(tmp_path)
    assert known.address("tax") == "10.0.0.1:7000"
    endpoints.write_run_file(tmp_path / "tax", run_file(os.getpid()))
    assert known.address("tax") == "127.0.0.1:1"


def test_what_a_dead_process_left_behind_does_not_count(tmp_path: Path) -> None:
    endpoints.write_run_file(tmp_path / "tax", run_file(2**22 - 1))
    (tmp_path / "tax" / "process.toml").touch()
    with pytest.raises(Unreachable, match="tax is not running"):
        endpoints.Endpoints(tmp_path).address("tax")


def test_an_unknown_address_says_where_to_write_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"endpoints\.toml has no address for \"tax\""):
        endpoints.Endpoints(tmp_path).address("tax")


def test_a_successors_run_file_stays(tmp_path: Path) -> None:
    endpoints.write_run_file(tmp_path, run_file(os.getpid()))
    endpoints.remove_run_file(tmp_path, pid=1)
    assert json.loads(endpoints.run_path(tmp_path).read_text())["pid"] == os.getpid()
    endpoints.remove_run_file(tmp_path, pid=os.getpid())
    assert not endpoints.run_path(tmp_path).exists()
