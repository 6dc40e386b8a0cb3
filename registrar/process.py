"""The registrar as a process: its tables, its settings, and the services that it offers.

Source: design.md 1.1.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Final

from hedui.v1 import policy_pb2_grpc
from hedui.v1 import registrar_pb2_grpc as grpc_services
from hedui.v1.recheck_pb2_grpc import add_RecheckPermitServiceServicer_to_server
from model.roles import Role
from registrar import store
from registrar.authorizations.expiring import EVERY_S, record_expired
from registrar.authorizations.service import AuthorizationService
from registrar.enrolment.budgets import BudgetService
from registrar.enrolment.service import EnrolmentService
from registrar.keys import RegistrarKeys
from registrar.manifest_service import ManifestService
from registrar.manifests import store as manifests
from registrar.office import Issued, Office
from registrar.permits.service import RecheckPermitService
from registrar.sampling.service import SampleService
from registrar.settings import RegistrarSettings
from runtime.background import Background
from runtime.policy_service import Policies, PolicyService
from runtime.process import Assembly, Kind, Parts
from runtime.transport.server import offer


def build_office(parts: Parts) -> Office:
    """Open the registrar's keys and put its parts together; raises KeyFileError."""
    keys = RegistrarKeys(parts.folder / "keys", kek=parts.kek, federation=parts.federation)
    keys.check()
    limits = parts.settings.registrar
    pool = ThreadPoolExecutor(limits.evaluation_threads, thread_name_prefix="hedui-evaluate")
    issued = Issued(revoke=manifests.revoke_tickets, erase=manifests.erase)
    return Office(parts, keys, limits, Policies(parts.database), pool, issued)


def build(parts: Parts) -> Assembly:
    """Return what the registrar offers."""
    office = build_office(parts)
    policies = PolicyService(
        policies=office.policies,
        writer=parts.writer,
        member=parts.member,
        key_bits=parts.federation.joint_key.bits,
        kek=parts.kek,
        rng=parts.rng,
    )
    return Assembly(
        services=[
            offer(
                grpc_services.add_AuthorizationServiceServicer_to_server,
                AuthorizationService(office),
            ),
            offer(grpc_services.add_ManifestServiceServicer_to_server, ManifestService(office)),
            offer(add_RecheckPermitServiceServicer_to_server, RecheckPermitService(office)),
            offer(grpc_services.add_EnrolmentServiceServicer_to_server, EnrolmentService(office)),
            offer(grpc_services.add_BudgetServiceServicer_to_server, BudgetService(office)),
            offer(grpc_services.add_SampleServiceServicer_to_server, SampleService(office)),
            offer(policy_pb2_grpc.add_PolicyServiceServicer_to_server, policies),
        ],
        background=[
            Background("letters", EVERY_S, lambda: record_expired(office)),
            # Again, for the erasure during which somebody was reading.
            Background("erasures", EVERY_S, parts.database.purge),
        ],
        close=lambda: office.pool.shutdown(wait=True, cancel_futures=True),
    )


KIND: Final = Kind(
    role=Role.REGISTRAR,
    metadata=store.metadata(),
    build=build,
    settings=RegistrarSettings,
    schema_version=3,
    init_command="`hedui registrar init`",
)
