"""Notes, checkpoints and cosignatures, good and bad, before the writer's code and the verifier's.

The first note is the published example of golang.org/x/mod/sumdb/note; the others are ours, from
the seeds 00..1f (log) and 20..3f (witness).

Tests design.md 4.2.
"""

import base64
from collections.abc import Callable

import pytest

from crypto.errors import CryptoError, InvalidInput, SignatureError
from crypto.signing import SigningKey
from ledger import checkpoint, cosignature
from ledger.errors import NoteError
from ledger.note import KeyType, Verifier, open_note, parse_note, sign_note
from ledger.verify import notes as verify_notes
from ledger.verify.tree import Broken

PUBLISHED_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PUBLISHED = """If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
"""  # noqa: E501

LOG_KEY = "hedui/test/node+701a4533+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
WITNESS_KEY = "hedui/test/witness+2cc3d06a+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"
TIME_S = 1795420800
GOOD = """hedui/test/node
7
o+I7Msy2v5bQktFl2KpUbgmCnejwOw6JV1gdHha5K98=

— hedui/test/node cBpFM3oqk1cvGRb9UMfeDM8juznb5+vx5NT2lxhvibAsdKvqdl7k8Hjk7grqzZ61XvD3DMXBfpmukzjW369B8SW6FwM=
— hedui/test/witness LMPQagAAAABrA/KAbIBOZJ05za2Ayl8Ea5ntjjXX/ZF5EFIceCWpYqG4gj9oZvxz2l6mpXIIswaNiaPCdw88eOKOLlS3iFtCHPKfCQ==
""".encode()  # noqa: E501

LOG = Verifier.parse(LOG_KEY)
WITNESS = Verifier.parse(WITNESS_KEY)
SEED = SigningKey(bytes(range(32)))


def written_side(data: bytes) -> checkpoint.Checkpoint:
    """What our processes do with a cosigned checkpoint."""
    head = checkpoint.read(data, LOG)
    cosignature.verify(parse_note(data), WITNESS)
    return head


def offline_side(data: bytes) -> verify_notes.Note:
    """What the offline verifier does with the same bytes."""
    note = verify_notes.parse_note(data, "here")
    keys = [verify_notes.parse_key(LOG_KEY), verify_notes.parse_key(WITNESS_KEY)]
    signed, witnesses = verify_notes.Keyring(keys).check(note)
    if not signed or witnesses != [WITNESS.name]:
        raise Broken("unsigned", note.size, "a signature is missing")
    return note


def test_the_published_note_opens() -> None:
    verifier = Verifier.parse(PUBLISHED_KEY)
    assert open_note(PUBLISHED.encode(), [verifier]).text.endswith(b"your problem is.\n")
    assert verifier.vkey() == PUBLISHED_KEY


def test_the_good_checkpoint_on_both_sides() -> None:
    head, note = written_side(GOOD), offline_side(GOOD)
    assert (head.origin, head.size, head.root) == (note.origin, note.size, note.root)
    assert cosignature.verify(parse_note(GOOD), WITNESS) == TIME_S


def test_we_write_the_good_checkpoint() -> None:
    head = checkpoint.read(GOOD, LOG)
    note = parse_note(checkpoint.sign(head, SEED))
    key = SigningKey(bytes(range(32, 64)))
    line = cosignature.cosign(note.text, name=WITNESS.name, key=key, time_s=TIME_S)
    assert note.with_signature(line).to_bytes() == GOOD
    assert note.with_signature(line).with_signature(line).to_bytes() == GOOD


def swap(old: str, new: str) -> Callable[[bytes], bytes]:
    def edit(data: bytes) -> bytes:
        assert old.encode() in data
        return data.replace(old.encode(), new.encode(), 1)

    return edit


def signed(text: str) -> Callable[[bytes], bytes]:
    """Validly signed by the log itself, so that only the form can be wrong."""

    def edit(_: bytes) -> bytes:
        line = base64.b64encode(LOG.key_id + SEED.sign_raw(text.encode())).decode()
        return f"{text}\n— {LOG.name} {line}\n".encode()

    return edit


ROOT = "o+I7Msy2v5bQktFl2KpUbgmCnejwOw6JV1gdHha5K98="
BAD: dict[str, Callable[[bytes], bytes]] = {
    "another size": swap("\n7\n", "\n8\n"),
    "another root": swap("o+I7", "o+I8"),
    "another origin": swap("hedui/test/node\n", "hedui/test/nodf\n"),
    "log's signature flipped": swap("cBpFM3oq", "cBpFM3or"),
    "witness's signature flipped": swap("bIBOZJ05", "bIBOZJ06"),
    "witness's time changed": swap("LMPQagAAAABrA", "LMPQagAAAABrB"),
    "witness's time negative": swap("LMPQagAAAABrA", "LMPQaoAAAABrA"),
    "log's line missing": lambda data: b"\n".join(
        line for line in data.split(b"\n") if b"cBpF" not in line
    ),
    "witness's line missing": lambda data: data[: data.index("— hedui/test/witness".encode())],
    "no signature at all": lambda data: data[: data.index("— hedui/test/node".encode())],
    "no final newline": lambda data: data[:-1],
    "garbage after it": lambda data: data + b"x",
    "an empty line after it": lambda data: data + b"\n",
    "Windows line ends": lambda data: data.replace(b"\n", b"\r\n"),
    "a byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "hyphen instead of dash": swap("— hedui/test/node", "- hedui/test/node"),
    "two spaces": swap("— hedui/test/node ", "— hedui/test/node  "),
    "space after the signature": lambda data: data[:-1] + b" \n",
    "base64 without padding": swap("==\n", "\n"),
    "base64 with stray bits": swap("PKfCQ==", "PKfCR=="),
    "not text": lambda data: data.replace(b"7", b"\xff", 1),
    "not even a note": lambda _: b"",
}
BADLY_FORMED: dict[str, Callable[[bytes], bytes]] = {
    "size with a zero in front": signed(f"hedui/test/node\n07\n{ROOT}\n"),
    "size with a plus": signed(f"hedui/test/node\n+7\n{ROOT}\n"),
    "size with a space": signed(f"hedui/test/node\n7 \n{ROOT}\n"),
    "size with an underscore": signed(f"hedui/test/node\n1_0\n{ROOT}\n"),
    "size in full-width digits": signed(f"hedui/test/node\n７\n{ROOT}\n"),
    "size below zero": signed(f"hedui/test/node\n-7\n{ROOT}\n"),
    "size beyond any log": signed(f"hedui/test/node\n{1 << 63}\n{ROOT}\n"),
    "root of 31 bytes": signed(
        "hedui/test/node\n7\n" + base64.b64encode(bytes(31)).decode() + "\n"
    ),
    "an extension line": signed(f"hedui/test/node\n7\n{ROOT}\nmore\n"),
    "an empty line in it": signed(f"hedui/test/node\n7\n{ROOT}\n\n"),
    "two lines only": signed("hedui/test/node\n7\n"),
}


@pytest.mark.parametrize("edit", BAD.values(), ids=BAD.keys())
def test_both_sides_refuse(edit: Callable[[bytes], bytes]) -> None:
    data = edit(GOOD)
    assert data != GOOD
    with pytest.raises(CryptoError):
        written_side(data)
    with pytest.raises(Broken):
        offline_side(data)


@pytest.mark.parametrize("edit", BADLY_FORMED.values(), ids=BADLY_FORMED.keys())
def test_both_sides_refuse_the_form_even_if_the_log_signed_it(
    edit: Callable[[bytes], bytes],
) -> None:
    with pytest.raises(NoteError):
        checkpoint.read(edit(GOOD), LOG)
    with pytest.raises(Broken, match="cannot be read"):
        verify_notes.parse_note(edit(GOOD), "here")


def test_unknown_keys_are_ignored_but_known_ones_must_hold() -> None:
    stranger = sign_note(parse_note(GOOD).text, name="stranger", key=SigningKey(bytes(32)))
    more = parse_note(GOOD).with_signature(stranger.signatures[0]).to_bytes()
    assert written_side(more).size == offline_side(more).size == 7
    with pytest.raises(SignatureError, match="no key was given"):
        open_note(GOOD, [])


def test_a_log_does_not_sign_for_another() -> None:
    text = parse_note(GOOD).text.replace(b"node", b"else")
    note = sign_note(text, name=LOG.name, key=SEED).to_bytes()
    with pytest.raises(InvalidInput, match="signed by"):
        checkpoint.read(note, LOG)


def test_a_cosignature_is_no_signature_of_the_log() -> None:
    """Same key, other type: neither passes for the other, for the messages differ."""
    as_witness = Verifier(LOG.name, LOG.key, KeyType.COSIGNATURE)
    with pytest.raises(SignatureError):
        cosignature.verify(parse_note(GOOD), as_witness)
    with pytest.raises(SignatureError):
        open_note(GOOD, [WITNESS])


BAD_KEYS = {
    "other key id": LOG_KEY.replace("701a4533", "701a4534"),
    "upper case": LOG_KEY.replace("701a4533", "701A4533"),
    "no name": LOG_KEY.removeprefix("hedui/test/node"),
    "space in the name": LOG_KEY.replace("test", "te st"),
    "unknown type": LOG_KEY.replace("+AQ", "+Ag"),
    "key too short": LOG_KEY[:-4],
    "line break": LOG_KEY + "\n",
    "nothing": "",
}


@pytest.mark.parametrize("vkey", BAD_KEYS.values(), ids=BAD_KEYS.keys())
def test_bad_keys_are_refused(vkey: str) -> None:
    with pytest.raises(InvalidInput):
        Verifier.parse(vkey)


BAD_ORIGINS = {
    "a slash": ("a/b", "c"),
    "a space": ("a b", "c"),
    "a plus": ("a", "c+d"),
    "": ("", "c"),
}


@pytest.mark.parametrize(("federation", "process"), BAD_ORIGINS.values(), ids=BAD_ORIGINS.keys())
def test_origins_are_three_plain_parts(federation: str, process: str) -> None:
    assert checkpoint.origin_of("test", "node") == "hedui/test/node"
    with pytest.raises(InvalidInput):
        checkpoint.origin_of(federation, process)
