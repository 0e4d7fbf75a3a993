"""What is compared: the direction of every figure, its scale, and from when on a change matters."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from bnnbench.errors import SpecError, did_you_mean

Scale = Literal["ratio", "share", "number"]


@dataclass(frozen=True)
class Metric:
    """A figure of a record.

    Attributes:
        name: column of :func:`bnnbench.load`, or ``seconds``.
        scale: ``ratio`` figures change by factors, ``share`` ones by percentage points, ``number``
            ones by differences in their own unit.
        threshold: the smallest change worth an alarm: 0.1 is 10 % for ratios, 0.005 is 0.5 pp.
        lower: whether lower is better.
        shift: added to both sides of a ratio, so that tiny figures do not decide.
        clock: by which it was measured: what depends on none is the same on every machine, and
            CPU time hardly depends on what else a machine does.
        default: whether it is compared unless asked otherwise.
    """

    name: str
    scale: Scale
    threshold: float
    lower: bool = True
    shift: float = 0.0
    clock: Literal["", "wall", "cpu"] = ""
    default: bool = False

    @property
    def no_change(self) -> float:
        """The effect of nothing."""
        return 1.0 if self.scale == "ratio" else 0.0

    def exceeds(self, effect: float) -> bool:
        """Whether an effect is larger than the threshold, in either direction."""
        if self.scale == "ratio":
            return max(effect, 1 / effect) > 1 + self.threshold
        return abs(effect) > self.threshold + 1e-12

    def worse(self, effect: float) -> bool:
        """Whether an effect is one for the worse."""
        return effect > self.no_change if self.lower else effect < self.no_change

    def text(self, effect: float) -> str:
        """An effect in words: +12.3 %, -0.5 pp, +3."""
        if self.scale == "ratio":
            return f"{100 * (effect - 1):+.1f} %"
        return f"{100 * effect:+.2f} pp" if self.scale == "share" else f"{effect:+.4g}"

    @property
    def threshold_text(self) -> str:
        """The threshold as ``--threshold`` takes it."""
        if self.scale == "number":
            return f"{self.threshold:g}"
        return f"{100 * self.threshold:.3g}{'%' if self.scale == 'ratio' else 'pp'}"


_ALL = (
    Metric("test_accuracy", "share", 0.005, lower=False, default=True),
    Metric("objective_per_row", "number", 0.005, default=True),
    Metric("seconds", "ratio", 0.10, shift=0.01, clock="wall", default=True),
    Metric("time_to_target", "ratio", 0.20, shift=0.01, clock="wall", default=True),
    Metric("primal_integral", "number", 0.02, clock="wall", default=True),
    Metric("peak_memory", "ratio", 0.10, default=True),
    Metric("cpu_seconds", "ratio", 0.10, shift=0.01, clock="cpu"),
    Metric("train_accuracy", "share", 0.005, lower=False),
    Metric("validation_accuracy", "share", 0.005, lower=False),
    Metric("test_all_good", "share", 0.005, lower=False),
    Metric("test_error", "share", 0.005),
    Metric("objective", "number", 0.0),
    Metric("gap", "number", 0.0),
    Metric("gap_per_row", "number", 0.005),
    Metric("gap_normalised", "number", 0.01),
    Metric("nonzeros", "ratio", 0.01),
    Metric("bits", "ratio", 0.01),
)
METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}
_THRESHOLD = re.compile(r"(\d+\.?\d*|\.\d+)\s*(%|pp|)")
_UNITS: dict[str, tuple[Scale, float]] = {"%": ("ratio", 0.01), "pp": ("share", 0.01)}


def chosen(names: tuple[str, ...], thresholds: tuple[str, ...]) -> tuple[Metric, ...]:
    """The metrics to compare, with thresholds of one's own.

    Args:
        names: of metrics; the default ones when empty.
        thresholds: ``NAME=AMOUNT`` each, as in ``seconds=15%``, ``test_accuracy=1pp``, ``gap=2``.

    Raises:
        SpecError: for an unknown metric, or an amount that does not fit it.
    """
    own = dict(_threshold(text) for text in thresholds)
    picked = [_metric(n) for n in names] or [m for m in METRICS.values() if m.default]
    return tuple(replace(m, threshold=own[m.name]) if m.name in own else m for m in picked)


def _metric(name: str) -> Metric:
    if name not in METRICS:
        hint = did_you_mean(name, METRICS) or f" Known: {', '.join(METRICS)}."
        raise SpecError(f"There is no metric {name!r}." + hint)
    return METRICS[name]


def _threshold(text: str) -> tuple[str, float]:
    name, _, amount = text.partition("=")
    metric = _metric(name.strip())
    match = _THRESHOLD.fullmatch(amount.strip())
    scale, factor = _UNITS.get(match[2], ("number", 1.0)) if match else ("number", 1.0)
    if match is None or scale != metric.scale:
        wanted = {"ratio": "10%", "share": "0.5pp", "number": "0.5"}[metric.scale]
        raise SpecError(f"expected a threshold such as {metric.name}={wanted}, got {text!r}")
    return metric.name, float(match[1]) * factor
