"""Where a command finds its service: one file, ``hedui.toml``, in one of four places.

Source: design.md 5.15.
In this order: ``--profile PATH``, the variable ``HEDUI_PROFILE``, ``./hedui.toml``, the user's
configuration folder. Every error of a command names the profile that it used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from model.messages import gettext as _
from runtime.errors import SettingsError
from runtime.site.settings import Settings, load_settings

FILE_NAME = "hedui.toml"


class ProfileSettings(Settings):
    """``hedui.toml``: the home (relative to the file), who acts, and through which requester."""

    home: str
    person: str = ""
    requester: str = ""


@dataclass(frozen=True)
class Profile:
    """A profile that was found. ``home`` is absolute; ``person``, ``requester`` may be empty."""

    path: Path
    home: Path
    person: str
    requester: str = ""


def find_profile(
    option: Path | None, *, environment: Mapping[str, str], folder: Path, user_folder: Path
) -> Profile:
    """Find and read the profile; raises SettingsError naming the places looked at.

    Args:
        option: What ``--profile`` gave: a file, or a folder with ``hedui.toml``.
        environment: For ``HEDUI_PROFILE``.
        folder: The working folder.
        user_folder: The user's configuration folder, see ``default_user_folder``.
    """
    named = option or (
        Path(environment["HEDUI_PROFILE"]) if "HEDUI_PROFILE" in environment else None
    )
    if named is not None:
        return read_profile(folder / named)
    places = [folder / FILE_NAME, user_folder / FILE_NAME]
    for place in places:
        if place.is_file():
            return read_profile(place)
    raise SettingsError(
        _(
            "no profile: neither {first} nor {second} exists. Name one with --profile or "
            "HEDUI_PROFILE",
            first=places[0],
            second=places[1],
        )
    )


def default_user_folder(environment: Mapping[str, str]) -> Path:
    """Return ``$XDG_CONFIG_HOME/hedui`` or ``~/.config/hedui``."""
    base = environment.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "hedui"


def read_profile(path: Path) -> Profile:
    """Read one profile, a file or a folder that holds ``hedui.toml``; raises SettingsError."""
    path = path / FILE_NAME if path.is_dir() else path
    settings = load_settings(path, ProfileSettings)
    home = (path.parent / settings.home).resolve()
    if not home.is_dir():
        raise SettingsError(
            _(
                'profile {path}: home {home} is not a folder. Correct key "home"',
                path=path,
                home=home,
            )
        )
    return Profile(path, home, settings.person, settings.requester)
