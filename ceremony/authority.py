"""The ceremony machine's own keys: the certificate authority and the federation's root key.

Trusts: this machine, until its ``ca`` folder is locked away.
Not protected: whoever reads ``ca`` can name new members. Keep it offline.
"""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from crypto.rng import Rng
from crypto.signing import SigningKey
from model.messages import gettext as _
from model.plan import Plan, PlanError, parse_plan
from model.toml import to_toml
from runtime.errors import SettingsError
from runtime.site.certificates import KeyPair, create_authority
from runtime.site.endpoints import write_atomically
from runtime.site.identity import (
    read_bounded,
    read_secret,
    read_secret_file,
    write_secret,
    write_secret_file,
)
from runtime.site.joining import PLAN, ROOT_KEY

AUTHORITY_DAYS: Final = 3650
CERTIFICATE_DAYS: Final = 730
FOLDER: Final = "ca"


@dataclass(frozen=True, repr=False)
class Authority:
    """What signs certificates, and what signs the federation file."""

    certificates: KeyPair
    root: SigningKey


def init_authority(
    home: Path, plan_file: Path, *, key_bits: int | None, now: datetime, rng: Rng
) -> Plan:
    """Create ``HOME/ca``, the root's public key and the copy of the plan; return the plan.

    Args:
        home: Created if it is not there.
        plan_file: The plan; checked whole before anything is written.
        key_bits: In place of the plan's, or None.

    Raises SettingsError for a bad plan, and where there is an authority already.
    """
    if (home / FOLDER).exists():
        raise SettingsError(
            _(
                "{folder} exists: this home already has its authority. Choose another --home, "
                "or move this one away",
                folder=home / FOLDER,
            )
        )
    plan, text = _read_plan(plan_file, key_bits)
    root = SigningKey.generate(rng=rng)
    home.mkdir(parents=True, exist_ok=True)
    draft = home / f".{FOLDER}.new"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    try:
        pair = create_authority(plan.name, days=AUTHORITY_DAYS, now=now, rng=rng)
        write_secret_file(draft / "ca.key", pair.key_pem)
        write_atomically(draft / "ca.pem", pair.pem)
        write_secret(draft / "root.key", root.to_seed())
        write_atomically(home / PLAN, text)
        write_atomically(home / ROOT_KEY, root.verify_key.to_bytes().hex().encode() + b"\n")
        draft.rename(home / FOLDER)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return plan


def load_authority(home: Path) -> Authority:
    """Read the keys of the ceremony machine. Raises SettingsError, KeyFileError."""
    folder = home / FOLDER
    if not folder.is_dir():
        raise SettingsError(
            _(
                "{folder} is missing: this is not the ceremony machine. Run `hedui federation "
                "init`",
                folder=folder,
            )
        )
    pair = KeyPair(read_secret_file(folder / "ca.key"), read_bounded(folder / "ca.pem"))
    return Authority(pair, SigningKey(read_secret(folder / "root.key")))


def _read_plan(path: Path, key_bits: int | None) -> tuple[Plan, bytes]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SettingsError(
            _(
                "{path} cannot be read: {why}",
                path=path,
                why=error.strerror,
            )
        ) from None
    try:
        plan = parse_plan(data, source=str(path))
        if key_bits is not None:
            table = plan.model_dump(mode="json") | {"key_bits": key_bits}
            data = to_toml(table).encode()
            plan = parse_plan(data, source="--bits")
    except PlanError as error:
        raise SettingsError(str(error)) from None
    return plan, data
