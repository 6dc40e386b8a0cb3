"""The demo's plan: who takes part. Ten departments, three key holders, two registrar officers."""

DEPARTMENTS = {
    "social-security": ("Social security bureau", "人社"),
    "tax": ("Tax bureau", "税务"),
    "housing-fund": ("Housing fund centre", "公积金"),
    "real-estate": ("Real estate registry", "不动产"),
    "vehicles": ("Vehicle administration", "公安交管"),
    "banks": ("Banks' clearing office", "银行"),
    "securities": ("Securities depository", "证券"),
    "market-regulation": ("Market regulation bureau", "市场监管"),
    "medical-insurance": ("Medical insurance bureau", "医保"),
    "education": ("Education bureau", "教育"),
}
HOLDERS = ("tax", "social-security", "audit-office")
"""Two departments and the reviewers' office; t of them open."""

REGISTRAR, COORDINATOR, AUDIT = "registrar", "coordinator", "audit-office"
CIVIL_AFFAIRS, DATA_BUREAU = "Civil affairs bureau", "Data bureau"
CLERK, CHECKER, OFFICER = "clerk-chen", "checker-li", "officer-wang"
REGISTRAR_OFFICERS = ("registrar-zhao", "registrar-qian")
REVIEWER = "reviewer-sun"


def admin(process: str) -> str:
    """Name of the admin of a node process."""
    return f"admin-{process}"


def plan(
    *,
    departments: dict[str, str],
    holders: tuple[str, ...],
    bits: int = 3072,
    threshold: int = 2,
    name: str = "demo",
) -> str:
    """The plan as TOML for ``hedui federation init``.

    Args:
        departments: Name to organisation.
        holders: Node processes that hold a share; the reviewers' office runs one of them.
    """
    lines = [f'name = "{name}"', f"threshold = {threshold}", f"key_bits = {bits}"]
    lines += _process(REGISTRAR, "registrar", DATA_BUREAU)
    lines += _process(COORDINATOR, "coordinator", CIVIL_AFFAIRS)
    for process, organisation in departments.items():
        lines += _process(process, "node", organisation, process, holder=process in holders)
        lines += _person(admin(process), "admin", organisation)
    if AUDIT in holders:
        lines += _process(AUDIT, "node", "Audit office", holder=True)
        lines += _person(admin(AUDIT), "admin", "Audit office")
    lines += _person(CLERK, "clerk", CIVIL_AFFAIRS)
    lines += _person(CHECKER, "checker", CIVIL_AFFAIRS)
    lines += _person(OFFICER, "officer", CIVIL_AFFAIRS)
    for officer in REGISTRAR_OFFICERS:
        lines += _person(officer, "registrar-officer", DATA_BUREAU)
    lines += _person(REVIEWER, "reviewer", "Audit office")
    return "\n".join(lines) + "\n"


def people(departments: dict[str, str], holders: tuple[str, ...]) -> list[str]:
    """Names of all persons of such a plan."""
    processes = [*departments, *([AUDIT] if AUDIT in holders else [])]
    return [*map(admin, processes), CLERK, CHECKER, OFFICER, *REGISTRAR_OFFICERS, REVIEWER]


def _process(
    name: str, role: str, organisation: str, department: str = "", *, holder: bool = False
) -> list[str]:
    lines = ["", "[[process]]", f'name = "{name}"', f'role = "{role}"']
    lines += [f'organisation = "{organisation}"', 'office = "verification"']
    lines += [f'department = "{department}"'] if department else []
    return lines + (["holder = true"] if holder else [])


def _person(name: str, role: str, organisation: str) -> list[str]:
    head = ["", "[[person]]", f'name = "{name}"', f'role = "{role}"']
    return [*head, f'organisation = "{organisation}"', 'office = "verification"']
