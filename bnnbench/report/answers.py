"""Which method for my problem: verdicts in words, each with how sure it is.

For every problem class the best method by verified objective, by test accuracy and by time. The
runner-up says how sure: both are compared seed by seed on the same instances (Wilcoxon's
signed-rank test, two-sided, not corrected for the number of problems). References from outside the
class take no part; where one is better, that is said.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bnnbench.report import estimates
from bnnbench.report.runs import Run, Runs
from bnnbench.statistics import Aggregate, proportion, signed_rank

Methods = Mapping[str, list[Run]]
ALPHA = 0.05


@dataclass(frozen=True)
class Criterion:
    """One meaning of best.

    Attributes:
        name: in the page.
        figure: of a run; NaN or infinite for none.
        estimate: of all runs of a method.
        sign: 1 when less is better, -1 when more is.
        unit: behind a value.
    """

    name: str
    figure: Callable[[Run], float]
    estimate: Callable[[list[Run]], Aggregate]
    sign: int
    unit: str = ""


def _objective(run: Run) -> float:
    return math.inf if run.objective is None else run.objective


CRITERIA = (
    Criterion("objective", _objective, estimates.objective, 1),
    Criterion("test accuracy", lambda r: r.accuracy("test"), estimates.accuracy, -1, " %"),
    Criterion("time to solve", lambda r: r.seconds_to_solve, estimates.solving, 1, " s"),
)


@dataclass(frozen=True)
class Verdict:
    """The best method of a problem by one criterion.

    Attributes:
        criterion: its name.
        level: the best method, or all that share the best median; empty when nobody has a figure.
        estimate: its figure.
        sure: in words: against whom, on how many seeds, how clear.
        clear: whether the test says so.
        text: the whole in a sentence.
        short: the same in a few words.
    """

    criterion: str
    level: tuple[str, ...]
    estimate: Aggregate | None
    sure: str
    clear: bool
    text: str
    short: str


@dataclass(frozen=True)
class Answer:
    """All that is said about a problem.

    Attributes:
        problem: in words.
        n: instances.
        verdicts: by criterion.
        nobody: what no method could do, in words.
    """

    problem: str
    n: int
    verdicts: tuple[Verdict, ...]
    nobody: tuple[str, ...]


def answers(runs: Runs) -> list[Answer]:
    """An answer for every problem."""
    return [_answer(problem, methods) for problem, methods in runs.by_problem.items()]


def _answer(problem: str, methods: Methods) -> Answer:
    own = {m: g for m, g in methods.items() if not g[0].record.reference}
    verdicts = tuple(_verdict(criterion, own) for criterion in CRITERIA)
    seeds = {run.cell.seed for group in own.values() for run in group}
    return Answer(problem, len(seeds), verdicts, tuple(_nobody(own, methods)))


def _verdict(criterion: Criterion, methods: Methods) -> Verdict:
    found = {m: criterion.estimate(group) for m, group in methods.items()}
    held = {m: e for m, e in found.items() if math.isfinite(e.value)}
    if not held:
        text = f"Nobody has a {criterion.name} on half of its runs."
        return Verdict(criterion.name, (), None, "", False, text, "nobody")
    order = sorted(held, key=lambda m: (criterion.sign * held[m].value, m))
    estimate = held[order[0]]
    level = tuple(m for m in order if held[m].value == estimate.value)
    sure, clear = _sure(criterion, methods, level, order)
    known = "no other" if len(order) == len(level) else "clear" if clear else "not clear"
    best = _names(level)
    figure = f"{value(criterion, estimate.value)} ({interval(criterion, estimate)})"
    text = f"{best}: {figure}. {sure}"
    short = f"{best}: {value(criterion, estimate.value)}, {known}"
    return Verdict(criterion.name, level, estimate, sure, clear, text, short)


def _names(level: tuple[str, ...]) -> str:
    """Methods in words, many of them cut short."""
    shown = ", ".join(level[:3])
    return f"{shown} and {len(level) - 3} more" if len(level) > 3 else shown


def value(criterion: Criterion, number: float) -> str:
    """A figure of a criterion as text."""
    if math.isinf(number):
        return "no end" if number > 0 else "0"
    shown = 100 * number if criterion.unit == " %" else number
    return f"{shown:.4g}{criterion.unit}"


def interval(criterion: Criterion, found: Aggregate) -> str:
    """Interval, n, failed and censored runs as text."""
    parts = []
    if found.n > 1:
        low, high = (value(criterion, v) for v in (found.interval.low, found.interval.high))
        kind = "95 % interval" if found.n >= 6 else "range"
        parts.append(f"{kind} {low} to {high}")
    parts.append(f"n = {found.n}")
    parts += [f"{found.failed} failed"] * bool(found.failed)
    parts += [f"{found.censored} never"] * bool(found.censored)
    return ", ".join(parts)


def _sure(
    criterion: Criterion, methods: Methods, level: tuple[str, ...], order: list[str]
) -> tuple[str, bool]:
    if len(order) == len(level):
        text = "No other method has one." if len(level) == 1 else "All medians are level."
        return text, False
    best, second = order[0], order[len(level)]
    pairs = _pairs(criterion, methods[best], methods[second])
    better, worse = sum(d < 0 for d in pairs), sum(d > 0 for d in pairs)
    count = f"better on {better}, equal on {len(pairs) - better - worse}, worse on {worse} seeds"
    text = f"Next {second}: {count}"
    test = signed_rank(pairs)
    if not better and not worse:
        return f"{text}; the two are equal.", False
    if test.smallest > ALPHA:
        return f"{text}; too few seeds to tell.", False
    clear = test.p <= ALPHA and better > worse
    return f"{text}; {'clear' if clear else 'not clear'} (p = {test.p:.2g}).", clear


def _pairs(criterion: Criterion, best: list[Run], second: list[Run]) -> list[float]:
    """Differences seed by seed, negative where the best is better; failures are the largest."""
    other = {r.cell.seed: criterion.sign * _worst(criterion, r) for r in second}
    found = []
    for run in best:
        if run.cell.seed in other:
            mine, theirs = criterion.sign * _worst(criterion, run), other[run.cell.seed]
            found.append(0.0 if mine == theirs else mine - theirs)
    return found


def _worst(criterion: Criterion, run: Run) -> float:
    figure = criterion.figure(run)
    return criterion.sign * math.inf if math.isnan(figure) else figure


def _nobody(own: Methods, methods: Methods) -> list[str]:
    runs = [run for group in own.values() for run in group]
    if not runs:
        return ["Only references from outside the class were run."]
    if not any(run.held for run in runs):
        return ["Nobody found a feasible network."]
    seeds = {run.cell.seed for run in runs}
    proved = {run.cell.seed for run in runs if run.gap.proved}
    found = []
    if len(proved) < len(seeds):
        missing = len(seeds) - len(proved)
        found.append(f"Nobody proved the optimum on {missing} of {len(seeds)} seeds.")
    targets = {r.cell.seed: r.cell.limits.target for r in runs if r.cell.limits.target is not None}
    hit = {r.cell.seed for r in runs if _hit(r)}
    if len(hit) < len(targets):
        found.append(f"Nobody reached the target on {len(targets) - len(hit)} of {len(targets)}.")
    return found + _outside(own, methods)


def _hit(run: Run) -> bool:
    target = run.cell.limits.target
    return target is not None and run.objective is not None and run.objective <= target + 1e-9


def _outside(own: Methods, methods: Methods) -> list[str]:
    """References that no method of the class reaches on test rows."""
    reached = max((estimates.accuracy(g).value for g in own.values()), default=-math.inf)
    found = []
    for method, group in methods.items():
        if method not in own:
            there = estimates.accuracy(group)
            if math.isfinite(there.value) and there.value > reached:
                found.append(
                    f"Nobody reaches the test accuracy of {method} from outside the class"
                    f" ({100 * there.value:.4g} %)."
                )
    return found


def overview(found: list[Answer]) -> list[str]:
    """By every criterion, who is best on how many problems, with the interval of that share."""
    sentences = []
    for criterion in CRITERIA:
        verdicts = [v for a in found for v in a.verdicts if v.criterion == criterion.name]
        wins = Counter(method for v in verdicts for method in v.level)
        clear = Counter(method for v in verdicts if v.clear for method in v.level)
        if wins:
            without = sum(not v.level for v in verdicts)
            sentences.append(_best(criterion, wins, clear, len(verdicts), without))
    return sentences


def _best(
    criterion: Criterion, wins: Counter[str], clear: Counter[str], n: int, without: int
) -> str:
    (best, count), *others = wins.most_common()
    share = proportion(count, n).interval
    text = f"By {criterion.name}: {best} is best, alone or level, on {count} of {n} problems"
    if n > 1:
        text += f" (95 % interval {100 * share.low:.0f} to {100 * share.high:.0f} %)"
    text += f", clearly on {clear[best]}"
    rest = ", ".join(f"{method} on {times}" for method, times in others[:3])
    text += f"; then {rest}" if rest else ""
    return text + (f"; on {without} nobody has a figure" if without else "") + "."
