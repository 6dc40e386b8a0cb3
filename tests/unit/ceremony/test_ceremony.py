"""The ceremony on disk: what is written, what is refused, and that no secret is left behind.

Tests design.md 1.4, 1.7, 2.1.1, 2.1.6, 2.1.7, 5.14.
"""

import json
import shutil
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ceremony.checking import findings
from ceremony.requests import gather
from crypto.rng import system_rng
from crypto.signing import SigningKey
from desk.commands.main import build
from ledger.verify.reconcile_facts import read_witnesses
from model.federation import Federation, FederationError
from model.roles import Role
from model.suite import SUITE
from model.toml import to_toml
from runtime.clock import SystemClock
from runtime.errors import SettingsError
from runtime.site.identity import load_federation, load_person, load_process_identity, read_secret
from runtime.site.joining import init_process, load_site
from runtime.site.key_share import load_share
from runtime.witness.verifiers import witness_verifiers
from tests.support import ceremony
from tests.support.keys import TEST_P, TEST_Q

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def dealt_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("ceremony") / "home"
    ceremony.whole_federation(home, NOW)
    return home


@pytest.fixture
def joined(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    ceremony.begin(home, NOW)
    ceremony.join_all(home)
    return home


def test_every_member_finds_itself_in_the_signed_file(dealt_home: Path) -> None:
    federation = load_federation(dealt_home, load_site(dealt_home).root_verify_key)
    for process in federation.process:
        identity = load_process_identity(dealt_home / process.name)
        assert identity.check(federation, clock=SystemClock()) == process
    for person in federation.person:
        _, identity = load_person(dealt_home, person.name)
        assert identity.check(federation, clock=SystemClock()) == person


def test_the_first_file_has_number_1_and_nothing_before_it(dealt_home: Path) -> None:
    table = tomllib.loads((dealt_home / "federation.toml").read_text())
    assert (table["number"], table["previous"], table["wire"]) == (1, "", 2)
    assert table["suite"] == SUITE
    assert [office["document_key"] for office in table["office"]] == [ceremony.DOCUMENT_KEY]
    result = CliRunner().invoke(build(), ["--home", str(dealt_home), "federation", "check"])
    assert result.exit_code == 0, result.output
    digest = load_federation(dealt_home, load_site(dealt_home).root_verify_key).digest
    assert f"federation.toml: number 1, digest {digest}" in result.output


def test_every_holder_opens_its_own_share_and_nobody_else_does(dealt_home: Path) -> None:
    federation = load_federation(dealt_home, load_site(dealt_home).root_verify_key)
    joint = federation.joint_key.key
    for holder in federation.holders:
        identity = load_process_identity(dealt_home / holder.name)
        share = load_share(dealt_home / holder.name, identity, joint, index=holder.holder_index)
        assert share.index == holder.holder_index


def test_the_dealer_leaves_no_secret_of_the_joint_key(dealt_home: Path) -> None:
    federation = load_federation(dealt_home, load_site(dealt_home).root_verify_key)
    joint = federation.joint_key.key
    secrets = [TEST_P, TEST_Q]
    for holder in federation.holders:
        identity = load_process_identity(dealt_home / holder.name)
        folder = dealt_home / holder.name
        secrets.append(load_share(folder, identity, joint, index=holder.holder_index).secret)
    for path in (p for p in dealt_home.rglob("*") if p.is_file()):
        data = path.read_bytes()
        for secret in secrets:
            raw = secret.to_bytes((secret.bit_length() + 7) // 8, "big")
            for form in (raw, raw.hex().encode(), str(secret).encode()):
                assert form not in data, path.name


def test_private_files_are_for_their_owner_alone(dealt_home: Path) -> None:
    names = ("*.key", "kek", "key.pem", "*.sealed")
    private = [p for name in names for p in dealt_home.rglob(name)]
    assert len(private) > 20
    assert {oct(p.stat().st_mode & 0o777) for p in private} == {"0o600"}


def test_a_prf_key_never_lies_in_clear(dealt_home: Path) -> None:
    from crypto import oprf
    from crypto.sealing import AtRestKey
    from runtime.site.identity import read_secret
    from runtime.site.joining import load_prf_key

    keys = dealt_home / "registrar" / "keys"
    kek = AtRestKey(read_secret(keys / "kek"))
    scalar = load_prf_key(keys, "tax", 1, kek, mode=oprf.Mode.VOPRF).to_bytes()
    for path in (p for p in dealt_home.rglob("*") if p.is_file()):
        assert scalar not in path.read_bytes()
        assert scalar.hex().encode() not in path.read_bytes()


def test_a_second_ceremony_is_refused(dealt_home: Path) -> None:
    with pytest.raises(SettingsError, match="the key has already been dealt"):
        ceremony.deal_all(dealt_home, NOW)


def test_a_second_init_replaces_no_key(joined: Path) -> None:
    before = (joined / "tax" / "keys" / "sign.key").read_bytes()
    with pytest.raises(SettingsError, match="its keys are not replaced"):
        init_process(load_site(joined), "tax", roles=ceremony.ALL_ROLES, rng=system_rng)
    assert (joined / "tax" / "keys" / "sign.key").read_bytes() == before


def test_an_init_that_fails_leaves_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    ceremony.begin(home, NOW)

    def broken(count: int) -> bytes:
        raise OSError("no entropy")

    with pytest.raises(OSError, match="no entropy"):
        init_process(load_site(home), "tax", roles=ceremony.ALL_ROLES, rng=broken)
    assert not list(home.glob("*tax*")) + list(home.glob(".tax*"))


def test_missing_requests_are_named_together(tmp_path: Path) -> None:
    home = tmp_path / "home"
    ceremony.begin(home, NOW)
    ceremony.join_all(home, without=("bank", "chen"))
    with pytest.raises(SettingsError, match="no join request from bank, chen"):
        ceremony.deal_all(home, NOW)
    assert not (home / "federation.toml").exists()
    assert not (home / "tax" / "tls" / "cert.pem").exists()


def _edit(path: Path, field: str, value: str) -> None:
    table = json.loads(path.read_text())
    body = json.loads(table["body"])
    body[field] = value
    table["body"] = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    path.write_text(json.dumps(table))


def test_a_request_that_was_changed_on_the_way_is_refused(joined: Path) -> None:
    other = json.loads(json.loads((joined / "bank" / "join.json").read_text())["body"])
    _edit(joined / "tax" / "join.json", "seal_key", other["seal_key"])
    with pytest.raises(SettingsError, match=r"tax/join\.json is not a sound join request"):
        ceremony.deal_all(joined, NOW)


def test_a_request_in_anothers_place_is_refused(joined: Path) -> None:
    shutil.copy(joined / "bank" / "join.json", joined / "tax" / "join.json")
    with pytest.raises(SettingsError, match="name is not what the plan says"):
        gather(load_site(joined))


def test_a_plan_that_changed_after_joining_is_noticed(joined: Path) -> None:
    plan = joined / "plan.toml"
    plan.write_text(
        plan.read_text().replace(
            'name = "wang"\nrole = "officer"', 'name = "wang"\nrole = "checker"'
        )
    )
    with pytest.raises(SettingsError, match="role is not what the plan says"):
        ceremony.deal_all(joined, NOW)


def test_a_federation_file_that_was_touched_is_not_taken(joined: Path) -> None:
    ceremony.deal_all(joined, NOW)
    path = joined / "federation.toml"
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(SettingsError, match="not signed by this federation's root key"):
        load_federation(joined, load_site(joined).root_verify_key)


def test_a_reviewers_witness_is_pinned_and_nobody_elses(dealt_home: Path) -> None:
    text = (dealt_home / "federation.toml").read_bytes()
    federation = Federation.parse(text)
    pinned = {person.name: person.cosign_key for person in federation.person if person.cosign_key}
    reviewers = [p.name for p in federation.person if p.role is Role.REVIEWER]
    keys = [read_secret(dealt_home / "people" / name / "cosign.key") for name in reviewers]
    found = [SigningKey(key).verify_key.to_bytes().hex() for key in keys]
    assert "sun" in reviewers and pinned == dict(zip(reviewers, found, strict=True))
    lines = read_witnesses(text)
    assert [line.partition("+")[0] for line in lines] == [
        f"hedui/hexi/{name}/witness" for name in reviewers
    ]
    assert [each.vkey() for each in witness_verifiers(federation)][-len(lines) :] == lines


WITNESSES: dict[str, tuple[str, str]] = {
    "a clerk's": ("chen", "chen: only processes and reviewers are witnesses"),
    "with a process's key": ("sun", "two members have the same verify key"),
}


@pytest.mark.parametrize(("name", "words"), WITNESSES.values(), ids=WITNESSES.keys())
def test_no_federation_file_pins_a_witness(name: str, words: str, dealt_home: Path) -> None:
    table = tomllib.loads((dealt_home / "federation.toml").read_text())
    person = next(person for person in table["person"] if person["name"] == name)
    person["cosign_key"] = table["process"][0]["cosign_key"] if name == "sun" else "ab" * 32
    with pytest.raises(FederationError, match=words):
        Federation.parse(to_toml(table).encode())


def test_a_federation_file_without_reviewers_witnesses_is_sound(dealt_home: Path) -> None:
    table = tomllib.loads((dealt_home / "federation.toml").read_text())
    for person in table["person"]:
        person.pop("cosign_key", None)
    text = to_toml(table).encode()
    assert Federation.parse(text).member("sun")
    assert read_witnesses(text) == []


def test_check_warns_of_what_weakens_the_guarantee(dealt_home: Path) -> None:
    federation = load_federation(dealt_home, load_site(dealt_home).root_verify_key)
    found = "\n".join(findings(federation, home=dealt_home, now=NOW))
    assert "any 2 of 3 key holders open" in found
    assert "2048 bits" in found
    assert "bank: bank office has no admin" in found


def test_check_warns_where_one_office_runs_registrar_and_coordinator(tmp_path: Path) -> None:
    home = tmp_path / "home"
    ceremony.begin(home, NOW, ceremony.plan_text().replace('"Data Bureau"', '"Civil Affairs"'))
    ceremony.join_all(home)
    federation = ceremony.deal_all(home, NOW)
    [first, *_] = findings(federation, home=home, now=NOW)
    assert "registrar and coordinator both belong to Civil Affairs" in first


def test_a_federation_of_two_coordinators(tmp_path: Path) -> None:
    home = tmp_path / "home"
    officers = ceremony.officers(union="Trade Union", alien="Water Works")
    ceremony.begin(home, NOW, ceremony.plan_text() + ceremony.HOUSING + officers)
    ceremony.join_all(home)
    federation = ceremony.deal_all(home, NOW)
    assert [r.name for r in federation.requesters] == ["coordinator", "housing"]
    assert [r.asks_for for r in federation.requesters] == [
        ("social-assistance",),
        ("housing-assistance",),
    ]
    through = {
        organisation: [r.name for r in federation.acts_through(organisation)]
        for organisation in ("Civil Affairs", "Housing Bureau", "Trade Union", "Water Works")
    }
    assert through == {
        "Civil Affairs": ["coordinator"],
        "Housing Bureau": ["housing"],
        "Trade Union": ["housing"],
        "Water Works": [],
    }
    assert federation.requester("housing") is federation.requesters[1]
    assert federation.requester("") is federation.requester(None) is None
    found = findings(federation, home=home, now=NOW)
    assert [line for line in found if "alien" in line and "it can open no case" in line]
    assert [line for line in found if "union" in line and "not approve policies" in line]


def test_everybody_acts_through_the_only_coordinator(dealt_home: Path) -> None:
    federation = load_federation(dealt_home, load_site(dealt_home).root_verify_key)
    (only,) = federation.requesters
    assert federation.acts_through("Water Works") == (only,)
    assert federation.requester("") is federation.requester(None) is only
    assert federation.requester("housing") is None


def test_a_federation_file_from_before_there_were_several_asks_for_the_one_purpose(
    dealt_home: Path,
) -> None:
    table = tomllib.loads((dealt_home / "federation.toml").read_text())
    for process in table["process"]:
        process.pop("purposes", None)
    (only,) = Federation.parse(to_toml(table).encode()).requesters
    assert only.asks_for == ("social-assistance",)


FILES: dict[str, tuple[dict[str, object], str]] = {
    "no coordinator": ({"role": "node", "holder_index": 0}, "1 to 16 coordinators, not 0"),
    "in a key holder's organisation": ({"organisation": "bank office"}, "a coordinator's or the"),
}


@pytest.mark.parametrize(("changes", "words"), FILES.values(), ids=FILES.keys())
def test_a_federation_file_is_refused_for_its_coordinators(
    changes: dict[str, object], words: str, dealt_home: Path
) -> None:
    table = tomllib.loads((dealt_home / "federation.toml").read_text())
    process = next(each for each in table["process"] if each["role"] == "coordinator")
    process.update(changes)
    with pytest.raises(FederationError, match=words):
        Federation.parse(to_toml(table).encode())


def test_check_notices_a_swapped_certificate(joined: Path) -> None:
    federation = ceremony.deal_all(joined, NOW)
    shutil.copy(joined / "bank" / "tls" / "cert.pem", joined / "tax" / "tls" / "cert.pem")
    found = findings(federation, home=joined, now=NOW)
    assert any("tax/tls/cert.pem: not the certificate" in line for line in found)
