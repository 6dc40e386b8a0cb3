"""Sealing and unsealing of letters: a data key for each, wrapped under the key-encryption key.

Source: design.md 3.11, 4.6.
"""

from dataclasses import dataclass

from crypto import jcs
from crypto.sealing import AtRestKey, open_at_rest, seal_at_rest, unwrap_key, wrap_key
from model.documents.authorization import Authorization
from model.documents.signed import Signed
from model.identifiers import Identifier, parse
from model.limits import MAX_DOCUMENT_BYTES
from model.reasons import Reason
from registrar.authorizations.store import AuthorizationRow
from registrar.office import Office, parse_document
from runtime.errors import Refusal


@dataclass(frozen=True, repr=False)
class Letter:
    """An opened letter: its row, its terms, what clerk and checker signed, its data key."""

    row: AuthorizationRow
    terms: Authorization
    signed: Signed
    confirmation: Signed | None
    key: AtRestKey

    @property
    def persons(self) -> list[Identifier]:
        """The members, in the letter's order."""
        return [parse(member.person) for member in self.terms.members]


def new_data_key(office: Office, number: str) -> tuple[AtRestKey, bytes]:
    """Return a new data key and the same, wrapped."""
    key = AtRestKey.generate(rng=office.parts.rng)
    return key, wrap_key(office.parts.kek, key, aad=_aad(number), rng=office.parts.rng)


def data_key(office: Office, row: AuthorizationRow) -> AtRestKey:
    """The data key of a letter. Raises OpenError, or Refusal where it was erased."""
    if not row.data_key:
        raise Refusal(Reason.AUTHORIZATION_ERASED)
    return unwrap_key(office.parts.kek, row.data_key, aad=_aad(row.number))


def open_letter(office: Office, row: AuthorizationRow) -> Letter:
    """Open a letter. Raises OpenError where it was changed, Refusal where it was erased."""
    key = data_key(office, row)
    signed = unseal_signed(key, row.letter, "letter", row.number)
    confirmation = None
    if row.confirmation:
        confirmation = unseal_signed(key, row.confirmation, "confirmation", row.number)
    return Letter(row, parse_document(Authorization, signed.body), signed, confirmation, key)


def seal_signed(office: Office, key: AtRestKey, signed: Signed, what: str, name: str) -> bytes:
    """Seal a signed document under a letter's data key, bound to what it is and its name."""
    body = jcs.encode(
        {
            "body": signed.body.decode(),
            "signature": signed.signature.hex(),
            "signer": signed.signer,
        }
    )
    return seal_at_rest(key, body, aad=_part(what, name), rng=office.parts.rng)


def unseal_signed(key: AtRestKey, sealed: bytes, what: str, name: str) -> Signed:
    """Open what ``seal_signed`` sealed. Raises OpenError."""
    body = open_at_rest(key, sealed, aad=_part(what, name))
    # A document is itself JSON text here, with every quotation mark escaped.
    table = jcs.decode(body, max_bytes=3 * MAX_DOCUMENT_BYTES)
    return Signed(table["body"].encode(), bytes.fromhex(table["signature"]), table["signer"])


def _aad(number: str) -> list[bytes]:
    return [b"authorization", number.encode()]


def _part(what: str, name: str) -> list[bytes]:
    return [what.encode(), name.encode()]
