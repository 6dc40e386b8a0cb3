"""Re-checks in everybody's ledgers: once per case, after its determination, by another pair.

Source: design.md 2.6.15, 4.10. Trusts: nobody; a finding names the entries that do not fit, not
who lied.
Whether the bits agreed stands in no ledger: the reviewer alone learns them.
"""

from collections.abc import Callable, Iterator, Sequence

from ledger.verify.reconcile_facts import Fact, Ledger

ISSUED = ("permit.issued", "recheck.issued")
"""What a registrar signs for holders: both kinds of permit."""


def check_rechecks(
    registrar: Ledger,
    requester: Callable[[Fact], Ledger | None],
    coordinators: Sequence[Ledger],
) -> Iterator[tuple[str, Fact, str]]:
    """Kind, entry and sentence of everything that does not fit.

    Args:
        requester: The ledger of the coordinator that an entry names, if it is at hand.
    """
    firsts = registrar.first("permit", "permit.issued")
    seen: dict[str, Fact] = {}
    for fact in registrar.of("recheck.issued"):
        manifest, permit = fact.text("manifest"), fact.text("permit")[:16]
        if manifest in seen:
            sentence = f"a second re-check, {permit}, for the manifest of entry "
            yield "second-recheck", fact, f"{sentence}{seen[manifest].index}"
        seen.setdefault(manifest, fact)
        first = firsts.get(fact.text("first"))
        if first is None or first.text("manifest") != manifest or first.index > fact.index:
            sentence = f"re-check {permit} repeats no permit of its manifest in this ledger"
            yield "recheck-without-determination", fact, sentence
        elif set(fact.texts("holders")[:2]) == set(first.texts("holders")[:2]):
            sentence = f"re-check {permit} has masker and evaluator of entry {first.index}"
            yield "recheck-same-holders", fact, sentence
        determining = requester(fact)
        if determining is not None:
            yield from _determined(fact, determining)
    for coordinator in coordinators:
        yield from _closed(coordinator)


def _determined(fact: Fact, coordinator: Ledger) -> Iterator[tuple[str, Fact, str]]:
    """The entry that the registrar was shown is there, and determines this manifest."""
    index = fact.fields.get("entry")
    entry = next((e for e in coordinator.of("case.determined") if e.index == index), None)
    said = (fact.text("manifest"), fact.text("first"))
    if entry is None or (entry.text("manifest"), entry.text("permit")) != said:
        # Where the bundle ends before that entry, "shorter" says so as well.
        sentence = f"re-check {fact.text('permit')[:16]}: entry {index} of the coordinator does "
        yield "recheck-without-determination", fact, f"{sentence}not determine its case"


def _closed(coordinator: Ledger) -> Iterator[tuple[str, Fact, str]]:
    """No re-check was taken up once its case was closed."""
    cases = {e.text("manifest"): e.text("case") for e in coordinator.of("case.determined")}
    closed = coordinator.first("case", "case.closed")
    for fact in coordinator.of("recheck.received"):
        end = closed.get(cases.get(fact.text("manifest"), ""))
        if end is not None and end.index < fact.index:
            sentence = f"a re-check of a case that entry {end.index} had closed"
            yield "recheck-without-determination", fact, sentence
