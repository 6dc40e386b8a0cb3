"""A node as a process: what it offers by its entry in the federation file, and its commands.

Tests design.md 2.4.8, 1.4, 5.2.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from crypto.sealing import SealingPublicKey
from hedui.v1 import node_pb2
from hedui.v1.node_pb2_grpc import NodeAdminServiceStub, QueryServiceStub
from ledger import event, log
from node.checking import check_node
from node.process import node_kind
from runtime import errors
from runtime.clock import Clock
from runtime.errors import KeyFileError, ProcessError, SettingsError
from runtime.process import Service, create_database
from runtime.site.key_share import write_share
from tests.support.homes import FixedClock, Home
from tests.support.keys import dealt
from tests.support.nodes import HOMES, NOW, WAGES, World, make_node_home, person, run_node

ANN = person(1)


def give_share(home: Home, name: str, *, index: int, holder: str = "") -> None:
    key = dealt(2, 2)
    member = home.federation().member(name)
    assert member is not None
    seal_key = SealingPublicKey(bytes.fromhex(member.seal_key))
    share = key.shares[index - 1]
    folder = home.path / name
    write_share(folder, share, key.joint, holder=holder or name, seal_key=seal_key)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home, _ = make_node_home(tmp_path / "home")
    create_database(home.path / "audit", node_kind(), federation="hexi", clock=FixedClock(NOW))
    return home


def audit(home: Home) -> Service:
    return Service(node_kind(), home=home.path, name="audit", clock=FixedClock(NOW))


def test_a_holder_without_records_offers_no_queries(home: Home) -> None:
    give_share(home, "audit", index=1)
    service = audit(home)
    service.start()
    try:
        world = _World(home)
        with world.dialer("coordinator", is_process=True) as dialer:
            request = node_pb2.AnswerRequest()
            with pytest.raises(errors.PeerFault, match="does not offer this call"):
                dialer.call("audit", QueryServiceStub, "Answer", request, timeout_s=20)
    finally:
        service.stop()


class _World(World):
    """A dialer's home, without a node of the test's own."""

    def __init__(self, home: Home) -> None:
        self.home, self.federation, self.clock = home, home.federation(), FixedClock(NOW)


SHARES = {
    "no share": (lambda home: None, "cannot be read"),
    "another holder's share": (
        lambda home: give_share(home, "audit", index=2), "share of holder 2, not 1"),
    "a share that was sealed for another": (
        lambda home: give_share(home, "audit", index=1, holder="police"),
        "not a share of the joint"),
}  # fmt: skip


@pytest.mark.parametrize(("prepare", "sentence"), SHARES.values(), ids=SHARES.keys())
def test_a_holder_does_not_start_with(home: Home, prepare: object, sentence: str) -> None:
    assert callable(prepare)
    prepare(home)
    with pytest.raises(KeyFileError, match=sentence):
        audit(home).start()


# ------------------------------------------------------------------ side by side


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with run_node(tmp_path / "home") as world:
        world.load(WAGES, f"id_no,month,amount\n{ANN},2026-10,5\n")
        world.load(HOMES, f"id_no,home,area\n{ANN},H1,50\n")
        world.enrol()
        world.approve()
        yield world


def test_one_ticket_asked_many_times_at_once_has_one_answer(world: World) -> None:
    request = world.request(world.case([ANN]))
    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda _: world.ask(request), range(6)))
    assert len({reply.answer.SerializeToString() for reply in replies}) == 1
    with world.service.parts.database.read() as conn:
        entries = [event.decode(leaf).event for leaf in log.entries(conn, 0, log.size(conn))]
    assert entries.count("query.received") == 1
    assert entries.count("query.answered") == 1


def test_a_second_admin_call_is_refused_while_one_runs(world: World) -> None:
    def slow() -> Iterator[node_pb2.ImportRequest]:
        yield node_pb2.ImportRequest(mapping=WAGES)
        with world.dialer("adam") as second, pytest.raises(errors.Refused) as caught:
            parts = [node_pb2.ImportRequest(mapping=WAGES)]
            second.call("tax", NodeAdminServiceStub, "ImportResource", parts, timeout_s=20)
        seen.append(str(caught.value.reason))
        yield node_pb2.ImportRequest(csv=f"id_no,month,amount\n{ANN},2026-10,7\n".encode())

    seen: list[str] = []
    with world.dialer("adam") as dialer:
        dialer.call("tax", NodeAdminServiceStub, "ImportResource", slow(), timeout_s=60)
    assert seen == ["overloaded"]


# ------------------------------------------------------------------ the command line


def run(*args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "desk.node_commands.main", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


HELP: list[Sequence[str]] = [
    [], ["init"], ["serve"], ["check"], ["status"], ["import"], ["enrol"],
    ["policy"], ["policy", "approve"], ["policy", "list"], ["policy", "withdraw"],
]  # fmt: skip


@pytest.mark.parametrize("command", HELP, ids=" ".join)
def test_help_on_every_level(command: Sequence[str]) -> None:
    result = run(*command, "--help")
    assert result.returncode == 0
    assert "Usage" in result.stdout


def test_commands_against_a_running_node(world: World, tmp_path: Path) -> None:
    who = ("--home", str(world.home.path), "--person", "adam")
    assert '"indexed": 1' in run(*who, "status", "--json").stdout
    (tmp_path / "m.toml").write_bytes(WAGES)
    (tmp_path / "w.csv").write_text(f"id_no,month,amount\n{ANN[:-1]}?,2026-10,5\n")
    wrong = run(*who, "import", str(tmp_path / "m.toml"), str(tmp_path / "w.csv"))
    assert wrong.returncode == 4
    assert f"{tmp_path / 'w.csv'}: " in wrong.stderr and "line 2, column 1" in wrong.stderr
    assert ANN[:-1] not in wrong.stderr
    listed = run(*who, "policy", "list", "--json").stdout
    assert run(*who, "policy", "withdraw", "00").returncode == 3
    digest = listed.split('"digest": "')[1][:10]
    assert run(*who, "policy", "withdraw", digest).returncode == 0
    with pytest.raises(errors.Refused):
        world.ask(world.case([ANN]))


def test_enrolling_nobody_says_what_comes_first(tmp_path: Path) -> None:
    with run_node(tmp_path / "home") as world:
        result = run("--home", str(world.home.path), "--person", "adam", "enrol")
    assert result.returncode == 3
    assert "tax has nobody to enrol: import a resource" in result.stderr


def test_health_shows_state_and_what_failed_at_the_door(world: World) -> None:
    home = ("--home", str(world.home.path))
    with world.dialer("olga") as stranger, pytest.raises(errors.Refused):
        request = node_pb2.GetStatusRequest()
        stranger.call("tax", NodeAdminServiceStub, "GetStatus", request, timeout_s=20)
    shown = run(*home, "health", "tax")
    assert shown.returncode == 0 and "SERVING" in shown.stdout
    assert "wrong_role: 1" in shown.stdout
    (row,) = json.loads(run(*home, "health", "tax", "--json").stdout)
    assert (row["state"], row["refused"]) == ("SERVING", {"wrong_role": 1})
    unknown = run(*home, "health", "taxes")
    assert unknown.returncode == 3 and 'no process "taxes" (it has: ' in unknown.stderr
    world.service.stop()
    down = run(*home, "health", "tax")
    assert down.returncode == 5 and "down" in down.stdout


def test_a_node_that_is_not_named_and_not_there(tmp_path: Path) -> None:
    home, _ = make_node_home(tmp_path / "home")
    result = run("--home", str(home.path), "--person", "adam", "status")
    assert result.returncode == 5
    assert "tax is not running: start it with `serve`" in result.stderr
    named = run("--home", str(home.path), "--person", "adam", "status", "--node", "bank")
    assert named.returncode == 3
    assert '"bank" is not a node of Tax Service' in named.stderr


# ------------------------------------------------------------------ check


def lines(home: Home, clock: Clock) -> list[str]:
    return list(check_node(home.path, "tax", node_kind(), clock=clock))


def test_check_says_what_is_sound(home: Home) -> None:
    assert lines(home, FixedClock(NOW))[-1].startswith("certificate: valid until")


UNSOUND = {
    "no database": (lambda h: (h.path / "tax/data/tax.db").unlink(), "tax.db does not exist"),
    "no certificate": (lambda h: (h.path / "tax/tls/cert.pem").unlink(), "hedui federation deal"),
    "a key that others may read": (
        lambda h: (h.path / "tax/keys/kek").chmod(0o644), "chmod 0600"),
    "a changed federation file": (
        lambda h: (h.path / "federation.toml").write_text("version = 1\n"), "not signed by"),
    "an unknown setting": (
        lambda h: (h.path / "tax/process.toml").write_text(
            (h.path / "tax/process.toml").read_text() + "reply_steps_ms = 1\n"),
        'Did you mean "reply_step_ms"'),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "sentence"), UNSOUND.values(), ids=UNSOUND.keys())
def test_check_names_what_is_wrong(home: Home, damage: object, sentence: str) -> None:
    assert callable(damage)
    damage(home)
    with pytest.raises(ProcessError, match=sentence):
        lines(home, FixedClock(NOW))


def test_check_of_a_node_that_was_never_made(home: Home) -> None:
    with pytest.raises(SettingsError, match="hedui-node init"):
        list(check_node(home.path, "vehicles", node_kind(), clock=FixedClock(NOW)))
