"""What changed in kind: runs that fail now, proofs that are lost, cells that are missing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bnnbench.compare.pairing import Key, Pairing, Run
from bnnbench.record import Ending
from bnnbench.solution import Status, Termination

NEAR_LIMIT = 0.5
"""A proof that took more than this share of its limit may be missed by chance."""


class EventKind(StrEnum):
    """What an event is."""

    FAILURE = "failure"
    PROOF = "proof"
    MISSING = "missing"


@dataclass(frozen=True)
class Event:
    """Something that happened to one cell.

    Attributes:
        kind: what it is.
        cell: whose.
        text: in words.
        chance: whether it may be mere chance, and so raises no alarm.
    """

    kind: EventKind
    cell: Key
    text: str
    chance: bool = False


def events(pairing: Pairing) -> tuple[Event, ...]:
    """Everything that got worse in kind from the first selection to the second."""
    found = []
    for key, (before, after) in pairing.pairs.items():
        found += _failures(key, before, after) or _lost_proof(key, before, after)
    found += [
        Event(EventKind.MISSING, key, "no record in the second selection")
        for key in pairing.only_before
    ]
    return tuple(found)


def _failures(key: Key, before: Run, after: Run) -> list[Event]:
    was, now = before.entry.record, after.entry.record
    if was.ending is not Ending.OK or now.ending is Ending.OK:
        return []
    reason = f": {now.headline}" if now.headline else ""
    return [Event(EventKind.FAILURE, key, f"{was.ending} -> {now.ending}{reason}")]


def _lost_proof(key: Key, before: Run, after: Run) -> list[Event]:
    if not _proved(before) or _proved(after):
        return []
    share = before.figures["seconds"] / before.entry.cell.limits.time
    stopped = after.entry.record.claims.termination == Termination.TIME
    chance = stopped and share > NEAR_LIMIT
    text = f"optimality was proved in {before.figures['seconds']:.3g} s and is not proved now"
    return [Event(EventKind.PROOF, key, text, chance)]


def _proved(run: Run) -> bool:
    record = run.entry.record
    return record.ending is Ending.OK and record.claims.status == Status.OPTIMAL
