"""Which role may make which call. An RPC that is missing here is refused and fails a test.

Source: design.md 2.1.2.
"""

from model.roles import Role

_R = Role

ACCESS: dict[str, frozenset[Role]] = {
    f"/hedui.v1.{service}/{method}": frozenset(roles)
    for service, methods in {
        "AuthorizationService": {
            "RegisterAuthorization": [_R.CLERK],
            "ConfirmAuthorization": [_R.CHECKER],
            "RevokeAuthorization": [_R.CLERK, _R.CHECKER],
            "GetAuthorization": [_R.CLERK, _R.CHECKER],
            "ListAuthorizations": [_R.CLERK, _R.CHECKER],
            "EraseAuthorization": [_R.CLERK, _R.CHECKER],
        },
        "ManifestService": {
            "IssueManifest": [_R.COORDINATOR],
            "RenewTicket": [_R.COORDINATOR],
            "GetRevocationList": [_R.COORDINATOR],
            "IssuePermit": [_R.COORDINATOR],
            "CloseApplication": [_R.COORDINATOR],
        },
        "SampleService": {
            "DrawSample": [_R.REVIEWER],
            "DiscloseSample": [_R.REVIEWER],
            "DiscloseOfficers": [_R.REVIEWER],
        },
        "EnrolmentService": {"Evaluate": [_R.NODE]},
        "BudgetService": {
            "ProposeBudget": [_R.REGISTRAR_OFFICER],
            "ApproveBudget": [_R.REGISTRAR_OFFICER],
            "ListBudgets": [_R.REGISTRAR_OFFICER],
        },
        "PolicyService": {
            "ApprovePolicy": [_R.ADMIN, _R.REGISTRAR_OFFICER, _R.OFFICER],
            "WithdrawPolicy": [_R.ADMIN, _R.REGISTRAR_OFFICER, _R.OFFICER],
            "ListPolicies": [_R.ADMIN, _R.REGISTRAR_OFFICER, _R.OFFICER],
        },
        "QueryService": {"Answer": [_R.COORDINATOR]},
        "AnswerAuditService": {"DiscloseAnswer": [_R.REVIEWER]},
        "NodeAdminService": {
            "ImportResource": [_R.ADMIN],
            "Enrol": [_R.ADMIN],
            "GetStatus": [_R.ADMIN],
        },
        "HolderService": {
            "Accept": [_R.REGISTRAR],
            "Mask": [_R.COORDINATOR],
            "Share": [_R.COORDINATOR],
            "Open": [_R.COORDINATOR],
            "Compare": [_R.COORDINATOR],
            "Conclude": [_R.COORDINATOR],
            "ProveShare": [_R.COORDINATOR],
            "NameCheat": [_R.COORDINATOR],
        },
        "CaseService": {
            "OpenCase": [_R.OFFICER],
            "GetCase": [_R.OFFICER],
            "ListCases": [_R.OFFICER],
            "DecideCase": [_R.OFFICER],
            "EraseCase": [_R.OFFICER, _R.CHECKER],
        },
        "RecheckPermitService": {"IssueRecheck": [_R.REVIEWER]},
        "RecheckService": {"Recheck": [_R.REVIEWER]},
        "LedgerService": {
            "GetCheckpoint": [_R.REVIEWER, _R.ADMIN],
            "ReadEntries": [_R.REVIEWER, _R.ADMIN],
            "GetInclusionProof": [_R.REVIEWER, _R.ADMIN],
            "GetConsistencyProof": [_R.REVIEWER, _R.ADMIN],
            "ReadCheckpoints": [_R.REVIEWER, _R.ADMIN],
            "ReadWitnessed": [_R.REVIEWER, _R.ADMIN],
            "ReadPolicies": [_R.REVIEWER, _R.ADMIN],
        },
        "WitnessService": {
            "AddCheckpoint": [_R.COORDINATOR],
            "ShowCheckpoint": [_R.COORDINATOR],
            "KeepCosignature": [_R.COORDINATOR, _R.REVIEWER],
        },
    }.items()
    for method, roles in methods.items()
}
"""Full method name to the roles that may call it."""

OWN_ORGANISATION_SERVICES = frozenset({"PolicyService", "NodeAdminService"})
"""Services whose callers must belong to the process's own organisation."""

REQUESTER_SERVICES = frozenset({"CaseService"})
"""Services of a coordinator for whoever acts through it (``Federation.acts_through``)."""

OWN_ORGANISATION_ROLES = frozenset({Role.ADMIN})
"""Roles that may call only processes of their own organisation, whatever the service."""
