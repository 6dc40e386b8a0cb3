"""``hedui-node check``: a node's files, keys and certificate, offline; nothing is changed.

The database is only looked for, not opened: a serving process holds it. A PostgreSQL server is
called, and must let the node in.
"""

from collections.abc import Iterator
from pathlib import Path

from model.fields import format_time
from runtime.clock import Clock
from runtime.errors import SettingsError
from runtime.process import Kind, load_process_settings, look_for_database
from runtime.site.identity import load_federation, load_kek, load_process_identity
from runtime.site.key_share import load_share


def check_node(home: Path, name: str, kind: Kind, *, clock: Clock) -> Iterator[str]:
    """Yield one line per thing that is as it should be.

    Raises ProcessError or CertificateError for the first that is not, naming file and mend.
    """
    folder = home / name
    if not folder.is_dir():
        raise SettingsError(f"{folder} does not exist: create it with `hedui-node init {name}`")
    settings = load_process_settings(folder, kind)
    yield f"{folder / 'process.toml'}: sound"
    load_kek(folder, settings)
    yield "key-encryption key: readable by this user alone"
    look_for_database(folder, settings, kind)
    yield "database: there"
    if not (folder / "tls" / "cert.pem").is_file():
        raise SettingsError(
            f"{folder / 'tls' / 'cert.pem'} is missing: give {folder / 'join.json'} to the "
            "ceremony (`hedui federation deal`) and copy what it issues"
        )
    federation = load_federation(home, settings.root_verify_key)
    yield f"{home / 'federation.toml'}: signed by the pinned root key"
    identity = load_process_identity(folder)
    member = federation.member(name)
    identity.check(federation, clock=clock)
    yield f"certificate: valid until {format_time(identity.certificate.not_after)}"
    index = getattr(member, "holder_index", 0)
    if index:
        load_share(folder, identity, federation.joint_key.key, index=index)
        yield f"key share {index}: opens, and belongs to the joint key"
