"""Who may act: roles of processes and of persons."""

from enum import StrEnum


class Role(StrEnum):
    """The role in a certificate. One certificate, one role."""

    REGISTRAR = "registrar"
    COORDINATOR = "coordinator"
    NODE = "node"
    OFFICER = "officer"
    CLERK = "clerk"
    CHECKER = "checker"
    ADMIN = "admin"
    REVIEWER = "reviewer"
    REGISTRAR_OFFICER = "registrar-officer"


PROCESS_ROLES = frozenset({Role.REGISTRAR, Role.COORDINATOR, Role.NODE})
PERSON_ROLES = frozenset(Role) - PROCESS_ROLES
