"""A holder's share of the joint key on its way from the ceremony to the holder's process.

The dealer seals each share to its holder's key (HPKE) and keeps none; the file
``PROCESS/keys/share.sealed`` is all that there is of it. Bound to the holder's name and the
joint key, so that no file serves in another's place.
"""

from pathlib import Path
from typing import Final

from crypto.errors import CryptoError
from crypto.labels import Label
from crypto.sealing import SealingPublicKey
from crypto.threshold import JointKey, KeyShare
from model.messages import gettext as _
from runtime.errors import KeyFileError
from runtime.site.identity import Identity, read_secret_file, write_secret_file

FILE: Final = "share.sealed"


def write_share(
    folder: Path, share: KeyShare, joint: JointKey, *, holder: str, seal_key: SealingPublicKey
) -> None:
    """Seal a share to its holder and write it below the process's folder; for the ceremony.

    Raises KeyFileError rather than overwrite.
    """
    body = share.to_bytes(joint)
    sealed = seal_key.seal(body, label=Label.KEY_SHARE_SEAL, aad_parts=_aad(holder, joint))
    write_secret_file(folder / "keys" / FILE, sealed)


def load_share(folder: Path, identity: Identity, joint: JointKey, *, index: int) -> KeyShare:
    """Open our own share; raises KeyFileError unless it is the one that the key was dealt with."""
    path = folder / "keys" / FILE
    sealed = read_secret_file(path)
    mend = "Restore it from the ceremony's envelope; the federation file pins this very key"
    if identity.seal_key is None:
        raise KeyFileError(
            _(
                "{name} has no seal.key, so {path} cannot be opened",
                name=identity.name,
                path=path,
            )
        )
    try:
        aad = _aad(identity.name, joint)
        body = identity.seal_key.open(sealed, label=Label.KEY_SHARE_SEAL, aad_parts=aad)
        share = KeyShare.from_bytes(body, joint)
    except CryptoError:
        raise KeyFileError(
            _(
                "{path} is not a share of the joint key for this process. {mend}",
                path=path,
                mend=mend,
            )
        ) from None
    if share.index != index:
        raise KeyFileError(
            _(
                "{path} is the share of holder {index}, not {expected}. {mend}",
                path=path,
                index=share.index,
                expected=index,
                mend=mend,
            )
        )
    return share


def _aad(holder: str, joint: JointKey) -> list[bytes]:
    return [holder.encode(), joint.fingerprint]
