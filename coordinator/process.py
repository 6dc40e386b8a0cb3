"""The coordinator process: cases, their workers, and the policies of its own office.

Source: design.md 1.2.
Learns: per rule met or not met, under an authorization. Never any other value, never who has a
record where; it holds no PRF key and no share of the joint key.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from coordinator.asking.asking import Asking
from coordinator.asking.revocations import Revocations
from coordinator.case import store
from coordinator.case.erasing import Erasures
from coordinator.case.journal import Journal
from coordinator.case.rechecks import Rechecks
from coordinator.case.service import CaseService
from coordinator.case.vault import Vault
from coordinator.engine.engine import Engine
from coordinator.engine.workers import Workers
from coordinator.opening.opening import Opening
from coordinator.opening.rechecking import Kept, RecheckService
from coordinator.opening.relay import Relay
from coordinator.settings import CoordinatorSettings
from hedui.v1.policy_pb2_grpc import add_PolicyServiceServicer_to_server
from model.roles import Role
from runtime.background import Background
from runtime.policy_service import Policies, PolicyService
from runtime.process import Assembly, Kind, Parts, Service, witnessing_of
from runtime.storage.store import whole
from runtime.transport.server import offer
from runtime.witness.exchange import WitnessExchange

_PURGE_S: Final = 3600.0


@dataclass(frozen=True)
class Desk:
    """The coordinator's own objects, for tests that look inside."""

    journal: Journal
    engine: Engine
    workers: Workers
    policies: Policies
    cases: CaseService
    rechecks: RecheckService
    erasures: Erasures


def build_desk(parts: Parts) -> Desk:
    """Build the coordinator's objects; nothing runs yet."""
    policies = Policies(parts.database)
    vault = Vault(parts.kek, rng=parts.rng)
    journal = Journal(parts.database, parts.writer, vault=vault, rng=parts.rng)
    relay = _relay(parts, journal)
    engine = _engine(parts, journal, relay, policies)
    settings: CoordinatorSettings = parts.settings
    workers = Workers(
        engine.advance,
        threads=settings.parallel_cases,
        first_s=settings.retry_first_ms / 1000,
        most_s=settings.retry_max_ms / 1000,
        clock=parts.clock,
        log=parts.log,
    )
    erasures = Erasures(
        parts.database,
        parts.writer,
        kek=parts.kek,
        rng=parts.rng,
        clock=parts.clock,
        retention_days=settings.retention_days,
    )
    cases = CaseService(
        parts=parts,
        journal=journal,
        policies=policies,
        wake=workers.submit,
        erasures=erasures,
    )
    rechecks = RecheckService(
        kept=Kept(
            journal=journal,
            rechecks=Rechecks(parts.database, parts.writer, vault=vault, rng=parts.rng),
            refusals=parts.refusals,
        ),
        relay=relay,
        issued_of=engine.issued,
        policy_bytes=policies.exact,
        federation=parts.federation,
    )
    return Desk(journal, engine, workers, policies, cases, rechecks, erasures)


def build(parts: Parts) -> Assembly:
    """What ``runtime.process`` serves. Cases that were under way are taken up at once."""
    desk = build_desk(parts)
    policy_service = PolicyService(
        policies=desk.policies,
        writer=parts.writer,
        member=parts.member,
        key_bits=parts.federation.joint_key.bits,
        kek=parts.kek,
        rng=parts.rng,
    )
    desk.workers.start(desk.journal.busy())
    return Assembly(
        services=(
            desk.cases.offered(),
            desk.rechecks.offered(),
            offer(add_PolicyServiceServicer_to_server, policy_service),
        ),
        background=_rounds(parts),
        close=desk.workers.stop,
    )


def witness_exchange(parts: Parts) -> WitnessExchange | None:
    """What shows checkpoints to the other processes and sees theirs; None without a key."""
    witnessing = witnessing_of(parts)
    if witnessing is None:
        return None
    return WitnessExchange(
        witnessing,
        name=parts.name,
        dialer=parts.dialer,
        database=parts.database,
        log=parts.log,
        timeout_s=parts.settings.call_timeout_s,
    )


def _rounds(parts: Parts) -> list[Background]:
    exchange, every_s = witness_exchange(parts), parts.settings.witness_every_s
    # Again, for the erasure during which somebody was reading.
    rounds = [Background("erasures", _PURGE_S, parts.database.purge)]
    if exchange and every_s:
        rounds.append(Background("witness", every_s, exchange.round))
    return rounds


KIND = Kind(
    role=Role.COORDINATOR,
    metadata=whole(store.METADATA),
    build=build,
    settings=CoordinatorSettings,
    schema_version=2,
    init_command="`hedui coordinator init`",
)


def coordinator(home: Path, name: str, **options: Any) -> Service:
    """The coordinator of this home; ``options`` as of ``runtime.process.Service``."""
    return Service(KIND, home=home, name=name, **options)


def _relay(parts: Parts, journal: Journal) -> Relay:
    return Relay(
        journal=journal,
        dialer=parts.dialer,
        federation=parts.federation,
        key=parts.federation.joint_key.key.public,
        settings=parts.settings,
        clock=parts.clock,
    )


def _engine(parts: Parts, journal: Journal, relay: Relay, policies: Policies) -> Engine:
    settings: CoordinatorSettings = parts.settings
    federation = parts.federation
    revocations = Revocations(
        parts.dialer,
        federation,
        name=parts.name,
        clock=parts.clock,
        refresh_s=settings.revocations_refresh_s,
        timeout_s=settings.call_timeout_s,
    )
    asking = Asking(
        journal=journal,
        dialer=parts.dialer,
        federation=federation,
        revocations=revocations,
        settings=settings,
        clock=parts.clock,
    )
    opening = Opening(
        journal=journal,
        relay=relay,
        dialer=parts.dialer,
        federation=federation,
        identity=parts.identity,
        settings=settings,
    )
    return Engine(
        journal=journal,
        asking=asking,
        opening=opening,
        dialer=parts.dialer,
        federation=federation,
        policy_of=policies.approved,
        settings=settings,
        clock=parts.clock,
        log=parts.log,
    )
