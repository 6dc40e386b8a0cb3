"""A node process: a department, a key holder, or both, as the federation file says.

Source: design.md 1.3, 1.4.
``node_kind()`` is what ``runtime.process.Service`` runs, from the command line and in tests.
"""

import time
from datetime import timedelta
from typing import Final

from crypto.paillier import RandomiserPool
from hedui.v1 import node_pb2_grpc, policy_pb2_grpc
from holder import store as holder_store
from holder.service import HolderService
from holder.session import Holder
from model.roles import Role
from node.admin_service import NodeAdminService
from node.answering.answerer import Answerer
from node.answering.answers import Answers
from node.answering.checks import Examiner
from node.answering.contribution import Contributor
from node.answering.disclosure import AnswerOpener
from node.answering.encrypting import Encryptor
from node.importing import Importer
from node.index.enrolling import Enroller
from node.query_service import AnswerAuditService, Pace, QueryService, Sleep
from node.settings import NodeSettings
from node.store import node_metadata
from runtime.background import Background
from runtime.errors import SettingsError
from runtime.policy_service import Policies, PolicyService
from runtime.process import Assembly, Kind, Parts
from runtime.refusing import Refusals
from runtime.site.key_share import load_share
from runtime.transport.server import AddService, offer
from runtime.witness.receipts import Receipts

SCHEMA_VERSION: Final = 2
_POOL_EVERY_S: Final = 0.2
_POOL_AFTER_S: Final = 15.0
_OPENINGS_EVERY_S: Final = 600.0


def node_kind(*, sleep: Sleep | None = None) -> Kind:
    """Return what makes a process a node.

    Args:
        sleep: Waits for the reply's step; for tests that look at the waiting itself.
    """

    def build(parts: Parts) -> Assembly:
        return _build(parts, sleep)

    return Kind(
        role=Role.NODE,
        metadata=node_metadata(),
        build=build,
        settings=NodeSettings,
        schema_version=SCHEMA_VERSION,
        init_command="`hedui-node init`",
    )


def _build(parts: Parts, sleep: Sleep | None) -> Assembly:
    member = parts.member
    if not member.department and not member.holder_index:
        raise SettingsError(
            f'federation.toml gives node "{parts.name}" neither a department nor a key share'
        )
    receipts = Receipts(parts.database, parts.writer, parts.signer)
    policies = Policies(parts.database)
    services = [_policy_service(parts, policies), _admin_service(parts)]
    background: list[Background] = []
    if member.department:
        query, job = _query_service(parts, policies, receipts, sleep)
        services += [query, _audit_service(parts)]
        background.append(job)
    if member.holder_index:
        services.append(_holder_service(parts, policies))
        background.append(Background("openings", _OPENINGS_EVERY_S, lambda: forget_expired(parts)))
    return Assembly(services=services, background=background)


def _policy_service(parts: Parts, policies: Policies) -> AddService:
    service = PolicyService(
        policies=policies,
        writer=parts.writer,
        member=parts.member,
        key_bits=parts.federation.joint_key.bits,
        kek=parts.kek,
        rng=parts.rng,
    )
    return offer(policy_pb2_grpc.add_PolicyServiceServicer_to_server, service)


def _admin_service(parts: Parts) -> AddService:
    department = parts.member.department
    importer = _importer(parts) if department else None
    if importer is not None:
        importer.clear()
    service = NodeAdminService(
        department=department,
        holder=parts.member.holder_index > 0,
        epoch=parts.member.newest_epoch,
        database=parts.database,
        importer=importer,
        enroller=_enroller(parts) if department else None,
    )
    return offer(node_pb2_grpc.add_NodeAdminServiceServicer_to_server, service)


def _importer(parts: Parts) -> Importer:
    settings: NodeSettings = parts.settings
    return Importer(
        data_folder=parts.folder / "data",
        database=parts.database,
        writer=parts.writer,
        clock=parts.clock,
        kek=parts.kek,
        rng=parts.rng,
        department=parts.member.department,
        departments=[p.department for p in parts.federation.process if p.department],
        epoch=parts.member.newest_epoch,
        max_csv_bytes=settings.max_csv_bytes,
        write_timeout_s=settings.import_write_timeout_s,
    )


def _enroller(parts: Parts) -> Enroller:
    settings: NodeSettings = parts.settings
    return Enroller(
        federation=parts.federation,
        member=parts.member,
        dialer=parts.dialer,
        database=parts.database,
        writer=parts.writer,
        kek=parts.kek,
        rng=parts.rng,
        batch_size=settings.enrol_batch,
        timeout_s=settings.enrol_timeout_s,
    )


def _query_service(
    parts: Parts, policies: Policies, receipts: Receipts, sleep: Sleep | None
) -> tuple[AddService, Background]:
    settings: NodeSettings = parts.settings
    key = parts.federation.joint_key.key.public
    pool = RandomiserPool(key, capacity=settings.randomiser_pool)
    answerer = Answerer(
        name=parts.name,
        sign_key=parts.identity.sign_key,
        examiner=Examiner(
            federation=parts.federation,
            member=parts.member,
            policy_of=policies.approved,
            revocation_max_age=timedelta(seconds=settings.revocation_max_age_s),
            clock_skew=timedelta(seconds=settings.clock_skew_s),
        ),
        contributor=Contributor(
            department=parts.member.department,
            encryptor=Encryptor(key, pool=pool, kek=parts.kek, rng=parts.rng),
            database=parts.database,
            rng=parts.rng,
            log=parts.log,
            index_grace=timedelta(seconds=settings.index_grace_s),
        ),
        answers=Answers(
            name=parts.name,
            department=parts.member.department,
            database=parts.database,
            writer=parts.writer,
            write_timeout_s=settings.ledger_write_timeout_s,
        ),
        refusals=Refusals(
            parts.writer,
            kek=parts.kek,
            rng=parts.rng,
            timeout_s=settings.ledger_write_timeout_s,
        ),
        clock=parts.clock,
        log=parts.log,
    )
    pace = Pace(settings.reply_step_ms, clock=parts.clock, sleep=sleep or time.sleep)
    service = QueryService(answerer=answerer, receipts=receipts, database=parts.database, pace=pace)
    # One randomiser a turn: the turn is short, and a query that comes in waits for none.
    idle_from_s = parts.clock.monotonic_s() + _POOL_AFTER_S
    job = Background("randomisers", _POOL_EVERY_S, lambda: _fill(pool, parts, idle_from_s))
    return offer(node_pb2_grpc.add_QueryServiceServicer_to_server, service), job


def _audit_service(parts: Parts) -> AddService:
    opener = AnswerOpener(
        name=parts.name,
        federation=parts.federation,
        key=parts.federation.joint_key.key.public,
        kek=parts.kek,
        database=parts.database,
        writer=parts.writer,
        refusals=parts.refusals,
        clock=parts.clock,
        rng=parts.rng,
        max_a_day=parts.settings.max_opened_a_day,
    )
    service = AnswerAuditService(opener)
    return offer(node_pb2_grpc.add_AnswerAuditServiceServicer_to_server, service)


def _fill(pool: RandomiserPool, parts: Parts, idle_from_s: float) -> None:
    # The first randomiser builds the table, a second of work: not while everything starts.
    if parts.clock.monotonic_s() >= idle_from_s:
        pool.prepare(1, rng=parts.rng)


def forget_expired(parts: Parts) -> None:
    """Have a key holder forget the masks and masked numbers of openings whose permit ran out."""
    parts.writer.run(lambda tx: holder_store.delete_expired(tx.conn, tx.now))


def _holder_service(parts: Parts, policies: Policies) -> AddService:
    joint, index = parts.federation.joint_key.key, parts.member.holder_index
    share = load_share(parts.folder, parts.identity, joint, index=index)
    return HolderService(Holder(parts, share, policies.approved)).offered()
