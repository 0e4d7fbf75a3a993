"""The whole comparison of two selections."""

from __future__ import annotations

from dataclasses import dataclass

from bnnbench.compare.events import Event, EventKind, events
from bnnbench.compare.judge import Comparison, Verdict, judge
from bnnbench.compare.machines import machines
from bnnbench.compare.metrics import METRICS, Metric
from bnnbench.compare.pairing import Pairing, pair
from bnnbench.compare.selection import Selection
from bnnbench.compare.times import SINGLE, SPELLS, spells

DEFAULT_METRICS = tuple(metric for metric in METRICS.values() if metric.default)


@dataclass(frozen=True)
class Options:
    """How to compare.

    Attributes:
        metrics: what, with thresholds.
        own: names of metrics whose threshold was asked for, and is not raised.
        alpha: chance of any false alarm.
        level: of the intervals.
        fail_on: which kinds of events raise an alarm beside regressions.
        methods: whether two methods are compared, paired by problem and seed alone.
    """

    metrics: tuple[Metric, ...] = DEFAULT_METRICS
    own: frozenset[str] = frozenset()
    alpha: float = 0.05
    level: float = 0.95
    fail_on: frozenset[EventKind] = frozenset({EventKind.FAILURE, EventKind.PROOF})
    methods: bool = False


@dataclass(frozen=True)
class Result:
    """What came out.

    Attributes:
        before: the first selection, as asked for.
        after: the second.
        options: as asked for; comparisons have the thresholds as raised by what the machine alone
            may explain.
        pairs: cells compared.
        new: cells of the second selection alone.
        comparisons: by metric and method.
        events: changes in kind, whether they raise an alarm or not.
        warnings: what to bear in mind.
    """

    before: str
    after: str
    options: Options
    pairs: int
    new: int
    comparisons: tuple[Comparison, ...]
    events: tuple[Event, ...]
    warnings: tuple[str, ...]

    @property
    def regressions(self) -> tuple[Comparison, ...]:
        """Figures that are worse, beyond threshold and chance."""
        return tuple(c for c in self.comparisons if c.verdict is Verdict.REGRESSION)

    @property
    def alarms(self) -> tuple[Event, ...]:
        """Events that count as regressions."""
        return tuple(e for e in self.events if e.kind in self.options.fail_on and not e.chance)

    @property
    def regressed(self) -> bool:
        """Whether anything got worse."""
        return bool(self.regressions or self.alarms)


def compare(before: Selection, after: Selection, options: Options | None = None) -> Result:
    """Compare two selections, the second against the first.

    Raises:
        SpecError: when they have no cell in common.
    """
    options = options or Options()
    pairing = pair(before, after, methods=options.methods)
    where = machines(before, after, pairing)
    return Result(
        before=before.text,
        after=after.text,
        options=options,
        pairs=len(pairing.pairs),
        new=len(pairing.only_after),
        comparisons=judge(
            pairing.pairs,
            options.metrics,
            alpha=options.alpha,
            level=options.level,
            own=options.own,
            together=options.methods,
        ),
        events=events(pairing),
        warnings=(*where.warnings, *_cautions(pairing), *_few_spells(pairing, options)),
    )


def _cautions(pairing: Pairing) -> tuple[str, ...]:
    pairs = [(a.entry, b.entry) for a, b in pairing.pairs.values()]
    limits = sum(a.cell.limits.time != b.cell.limits.time for a, b in pairs)
    problems = sum(bool(a.record.problem and b.record.problem)
                   and a.record.problem != b.record.problem for a, b in pairs)  # fmt: skip
    found = []
    if limits:
        found.append(f"{limits} pairs have different time limits")
    if problems:
        found.append(
            f"{problems} pairs have problems of different digests: data or objective have changed"
        )
    if pairing.mixed:
        found.append(
            f"{pairing.mixed} cells have records of several versions in a selection; the latest is"
            " taken (select one by @version=...)"
        )
    return tuple(found)


def _few_spells(pairing: Pairing, options: Options) -> tuple[str, ...]:
    """Whether times could not be judged for want of independent runs."""
    judged = any(m.clock and m.name not in options.own for m in options.metrics)
    both = spells(list(pairing.pairs.values()))
    if not judged or options.methods or min(map(len, both)) >= SPELLS:
        return ()
    return (
        "a slower hour of the machine looks like slower code: times raise an alarm from"
        f" {1 + SINGLE:g}-fold on. For smaller changes run both sides {SPELLS} times or more, in"
        " turns (run --repeat)",
    )
