"""A comparison as JSON, Markdown and JUnit XML; the terminal's table is the command's."""

from __future__ import annotations

import json
import math
from typing import Any
from xml.etree import ElementTree as ET

from bnnbench.compare.events import Event
from bnnbench.compare.judge import Comparison, Verdict
from bnnbench.compare.metrics import Metric
from bnnbench.compare.result import Result

MAX_EVENTS = 20
HEADINGS = ("metric", "before", "after", "change", "interval", "p", "pairs", "verdict")


def cells(found: Comparison) -> tuple[str, ...]:
    """A comparison as a row of texts under :data:`HEADINGS`."""
    metric, effect = found.metric, found.effect
    counts = str(effect.n)
    if found.spells:
        counts += f" in {found.spells[0]}/{found.spells[1]} spells"
    if effect.censored:
        counts += f", {effect.censored} at limit"
    if found.failed:
        counts += f", {found.failed} failed"
    return (
        metric.name,
        _figure(metric, found.before),
        _figure(metric, found.after),
        metric.text(effect.value),
        f"[{_end(metric, effect.interval.low)}, {_end(metric, effect.interval.high)}]",
        f"{found.p:.2g}",
        counts,
        str(found.verdict) if found.verdict is not Verdict.UNCHANGED else "",
    )


def verdict(result: Result) -> str:
    """The outcome in one line."""
    bad = [f"{len(result.regressions)} regressions" if result.regressions else ""]
    bad.append(
        f"{len(result.alarms)} cells failing or without their proof" if result.alarms else ""
    )
    text = " and ".join(filter(None, bad))
    return f"Worse: {text}." if text else "No regression."


def to_json(result: Result) -> str:
    """Everything, for machines."""
    return json.dumps(
        {
            "before": result.before,
            "after": result.after,
            "pairs": result.pairs,
            "new": result.new,
            "alpha": result.options.alpha,
            "regressed": result.regressed,
            "comparisons": [_plain(c) for c in result.comparisons],
            "events": [
                {
                    "kind": str(e.kind),
                    "cell": e.cell._asdict(),
                    "text": e.text,
                    "chance": e.chance,
                    "alarm": e in result.alarms,
                }
                for e in result.events
            ],
            "warnings": list(result.warnings),
        },
        indent=2,
    )


def to_markdown(result: Result) -> str:
    """A comment for a pull request: verdict, what changed, all else folded away."""
    lines = [
        f"**{verdict(result)}** {result.pairs} cells compared: {result.before} -> {result.after}"
    ]
    lines += ["", *(f"- warning: {text}" for text in result.warnings)]
    changed = [c for c in result.comparisons if c.verdict is not Verdict.UNCHANGED]
    if changed:
        lines += ["", *_table(changed)]
    if result.events:
        lines += ["", *(f"- {_event(e)}" for e in result.events[:MAX_EVENTS])]
        if len(result.events) > MAX_EVENTS:
            lines.append(f"- and {len(result.events) - MAX_EVENTS} more")
    lines += ["", "<details><summary>All comparisons</summary>", "", *_table(result.comparisons)]
    return "\n".join([*lines, "", "</details>", ""])


def to_junit(result: Result) -> str:
    """A test case per comparison and per event that raises an alarm, as CI systems read them."""
    cases = [_case(c) for c in result.comparisons]
    for event in result.events:
        case = ET.Element("testcase", classname=f"bnnbench.{event.kind}", name=str(event.cell))
        tag = "failure" if event in result.alarms else "skipped"
        ET.SubElement(case, tag, message=event.text)
        cases.append(case)
    suite = ET.Element(
        "testsuite",
        name=f"bnnbench compare {result.before} {result.after}",
        tests=str(len(cases)),
        failures=str(len(result.regressions) + len(result.alarms)),
        errors="0",
        skipped=str(sum(case.find("skipped") is not None for case in cases)),
    )
    suite.extend(cases)
    if result.warnings:
        ET.SubElement(suite, "system-out").text = "\n".join(result.warnings)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(found: Comparison) -> ET.Element:
    case = ET.Element("testcase", classname=f"bnnbench.{found.method}", name=found.metric.name)
    text = ", ".join(f"{h} {c}" for h, c in zip(HEADINGS[1:], cells(found)[1:], strict=True) if c)
    if found.verdict is Verdict.REGRESSION:
        ET.SubElement(case, "failure", message=text)
    else:
        ET.SubElement(case, "system-out").text = text
    return case


def _plain(found: Comparison) -> dict[str, Any]:
    effect, interval = found.effect, found.effect.interval
    return {
        "metric": found.metric.name,
        "method": found.method,
        "before": found.before,
        "after": found.after,
        "effect": effect.value,
        "effect_is": "ratio" if found.metric.scale == "ratio" else "difference",
        "interval": [_finite(interval.low), _finite(interval.high)],
        "level": interval.level,
        "threshold": found.metric.threshold,
        "lower_is_better": found.metric.lower,
        "p": found.p,
        "pairs": effect.n,
        "spells": found.spells,
        "ties": effect.ties,
        "censored": effect.censored,
        "failed": found.failed,
        "verdict": str(found.verdict),
        "worst": None
        if found.extreme is None
        else {"cell": found.extreme[0]._asdict(), "effect": found.extreme[1]},
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _figure(metric: Metric, value: float) -> str:
    return f"{100 * value:.4g} %" if metric.scale == "share" else f"{value:.4g}"


def _end(metric: Metric, value: float) -> str:
    return metric.text(value) if math.isfinite(value) else "?"


def _event(event: Event) -> str:
    return f"{event.kind}: {event.cell}: {event.text}" + (" (by chance?)" if event.chance else "")


def _table(found: tuple[Comparison, ...] | list[Comparison]) -> list[str]:
    rows = [("method", *HEADINGS), *((c.method, *cells(c)) for c in found)]
    lines = ["| " + " | ".join(text.replace("|", "\\|") for text in row) + " |" for row in rows]
    return [lines[0], "|" + "---|" * len(rows[0]), *lines[1:]]
