"""All parties' ledgers against one another: ``python -m ledger.verify.reconcile BUNDLE...``.

Source: design.md 4.8, 4.10.
A ledger cannot prove that something was never written; another party's ledger can. Each bundle
is verified first, under the keys that the federation file pins; then what one party wrote is
looked for at the others. Runs offline, with Python and pycryptodome alone.

Trusts: the federation file, whose signature whoever hands it in has checked.
Cannot show: what all parties left out together.

Exit codes: those of ``ledger.verify`` where a bundle does not hold; 20 findings; 0 none.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from ledger.verify.reconcile_checks import Finding, Parties, check_all
from ledger.verify.reconcile_facts import (
    Ledger,
    Member,
    origin_of,
    read_kept,
    read_ledger,
    read_members,
    read_witnesses,
    seconds,
)
from ledger.verify.tree import Broken
from ledger.verify.verdict import CODES, progress_of, verify, visible

FINDINGS: Final = 20
GRACE_S: Final = 600.0
MAX_FEDERATION: Final = 16 << 20
KINDS: Final = {
    "ticket-not-issued": "a ticket was spent that the registrar did not issue",
    "manifest-not-issued": "a manifest that the registrar did not issue",
    "answer-without-query": "a node answered, or was asked, what the coordinator never sent",
    "answered-twice": "a node answered one manifest twice",
    "query-without-answer": "a query has no answer, no refusal, no end of its case",
    "answer-not-recorded": "a node answered; the coordinator's ledger knows no answer",
    "answer-not-ledgered": "the coordinator has an answer that the node's ledger does not hold",
    "answer-differs": "the two ledgers name different answers to one query",
    "second-permit": "two permits for one manifest",
    "permit-without-determination": "a permit, and no determination or stated end",
    "opening-without-permit": "an opening step, or a determination, without a permit",
    "opening-not-named": "a holder took part whom the permit does not name",
    "opening-not-ledgered": "a determination, and a holder that ledgered nothing of it",
    "determination-without-answer": "a determination without every department's answer",
    "determined-twice": "a case was determined a second time",
    "silent-had-answered": "a department was called silent that had answered",
    "authorization-missing": "a manifest without an authorization",
    "authorization-ended": "a manifest, renewal, permit or answer after the authorization ended",
    "erased-not-ended": "an authorization was erased that had not ended, or a second time",
    "case-erased-not-over": "a case was erased that was not over, or a second time",
    "second-recheck": "two re-check permits for one manifest",
    "recheck-without-determination": "a re-check of what was not determined, or was closed",
    "recheck-same-holders": "a re-check with the masker and evaluator of the first opening",
    "opened-not-drawn": "an entry was opened to a reviewer that had not been drawn",
    "answer-opened-without-grant": "a node opened an answer without the registrar's grant for it",
    "wrong-requester": "a manifest served another coordinator than the one that it names",
    "forked": "a log was shown differently to different parties",
    "shorter": "a bundle ends before what its log had shown to others",
}


@dataclass
class Result:
    """What came out: reports of the verifier, findings, open points, what was not checked."""

    reports: list[dict[str, Any]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    open: list[Finding] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)

    @property
    def code(self) -> int:
        """The exit code."""
        broken = [r["kind"] for r in self.reports if r["kind"] != "intact"]
        return CODES[broken[0]] if broken else FINDINGS if self.findings else 0


def reconcile(
    paths: Sequence[Path],
    federation: bytes,
    *,
    grace_s: float = GRACE_S,
    as_of: float | None = None,
) -> Result:
    """Verify all bundles, then hold them against one another.

    Args:
        paths: Bundles or database files, one per process; several of one log are refused.
        federation: Exact bytes of ``federation.toml``, whose signature was checked.
        grace_s: What should have been written less than this before ``as_of`` is open.
        as_of: When the bundles were taken, seconds since the epoch; without it, the time of
            the newest entry in any of them.

    Raises ValueError for a federation file or bundle that cannot be read, Broken for one that
    changes while it is read. A bundle that does not hold stands in ``reports``.
    """
    members = read_members(federation)
    result, ledgers = Result(), list[Ledger]()
    try:
        ledgers = read_verified(paths, federation, reports=result.reports)
    except Broken:
        if not result.code:
            raise
        return result
    newest = max(ledger.last_at for ledger in ledgers) if as_of is None else as_of
    found = check_all(Parties(ledgers, newest - grace_s), grace_s=grace_s)
    result.findings = [finding for finding in found if not finding.open]
    result.open = [finding for finding in found if finding.open]
    here = {ledger.member.name for ledger in ledgers}
    result.absent = [member.name for member in members if member.name not in here]
    return result


def read_verified(
    paths: Sequence[Path],
    federation: bytes,
    *,
    reports: list[dict[str, Any]] | None = None,
) -> list[Ledger]:
    """Verify bundles under the keys of the federation file, then read them.

    The verifier's reports are added to ``reports``. Raises Broken where one does not hold,
    ValueError for one that is nobody's log, or the second of a log.
    """
    members = read_members(federation)
    keys = [key for member in members for key in (member.vkey, member.witness) if key]
    keys += read_witnesses(federation)
    found = [verify(path, keys, [], progress_of(path))[0] for path in paths]
    if reports is not None:
        reports += found
    for report in found:
        if report["kind"] != "intact":
            raise Broken(report["kind"], report["index"], f"{report['path']}: {report['sentence']}")
    ledgers: list[Ledger] = []
    for path in paths:
        ledgers.append(_read(path, members, [ledger.origin for ledger in ledgers]))
        ledgers[-1].kept = read_kept(path, keys)
    return ledgers


def _read(path: Path, members: Sequence[Member], others: Sequence[str]) -> Ledger:
    origin = origin_of(path)
    member = next((m for m in members if m.vkey.split("+")[0] == origin), None)
    if member is None:
        raise ValueError(f"{path} is the log {origin}, which the federation file does not know")
    if origin in others:
        raise ValueError(f"two bundles of {origin}: hold them against each other with verify")
    return read_ledger(path, member, origin)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(
        "ledger.verify.reconcile", description=__doc__.split("\n\n")[1]
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="BUNDLE")
    parser.add_argument("--federation", type=Path, help="the federation file that you were handed")
    parser.add_argument("--grace-s", type=float, default=GRACE_S, help="younger gaps are open")
    parser.add_argument("--as-of", type=seconds, help="when the bundles were taken, RFC 3339")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    try:
        data = find_federation(options.paths, options.federation)
        result = reconcile(options.paths, data, grace_s=options.grace_s, as_of=options.as_of)
    except (OSError, ValueError, Broken) as error:
        sys.stderr.write(f"ledger.verify.reconcile: {error}\n")
        return CODES["unreadable"]
    if options.federation is None and not options.json:
        digest = hashlib.sha256(data).hexdigest()
        sys.stdout.write(f"federation file: found beside the logs, SHA-256 {digest}; compare it\n")
    show(result, as_json=options.json)
    return result.code


def find_federation(paths: Sequence[Path], given: Path | None) -> bytes:
    """The federation file handed in, or the one that lies in the bundles, the same in all.

    Raises OSError or ValueError.
    """
    if given is not None:
        found = {given.read_bytes()}
    else:
        files = [path / "extra" / "federation.toml" for path in paths]
        found = {file.read_bytes() for file in files if file.is_file()}
    if len(found) != 1 or len(data := found.pop()) > MAX_FEDERATION:
        raise ValueError("hand in the federation file with --federation: the bundles hold no one")
    return data


def show(result: Result, *, as_json: bool) -> None:
    """Print a result, as sentences or as one JSON object."""
    out = sys.stdout
    if as_json:
        rows = {
            "findings": [asdict(finding) for finding in result.findings],
            "open": [asdict(finding) for finding in result.open],
            "absent": result.absent,
            "bundles": result.reports,
        }
        out.write(json.dumps(rows, indent=2) + "\n")
        return
    broken = [report for report in result.reports if report["kind"] != "intact"]
    for report in broken:
        at = f"broken at entry {report['index']}: " if report["index"] >= 0 else ""
        out.write(visible(f"{report['path']}: {at}{report['sentence']}") + "\n")
    if broken:
        out.write("not reconciled: only bundles that verify can be held against one another\n")
        return
    for name in result.absent:
        out.write(f"not looked at: no bundle of {name}\n")
    for finding in (*result.findings, *result.open):
        mark = "open, too recent to say: " if finding.open else ""
        said = f"{finding.ledger}, entry {finding.index}: {mark}{finding.kind}: {finding.sentence}"
        out.write(visible(said) + "\n")
    entries = sum(report["entries"] for report in result.reports)
    count = len(result.findings)
    said = f"{count} findings" if count > 1 else "1 finding" if count else "nothing to report"
    out.write(f"{len(result.reports)} ledgers, {entries} entries: {said}\n")


if __name__ == "__main__":
    sys.exit(main())
