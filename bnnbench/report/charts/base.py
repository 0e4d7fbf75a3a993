"""What a chart is, and how all charts look.

Methods are told apart by colour *and* by dash or shape, in colours that people with colour-blind
eyes can tell apart (Okabe and Ito). Text and axes take the colour of the page around them
(``currentColor``), so one drawing serves light, dark and print.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bnnbench.report.columns import Columns
from bnnbench.report.runs import Runs

if TYPE_CHECKING:
    import altair as alt

COLOURS = (
    *("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#8C8C00", "#808080"),
)
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [12, 4])
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-left")
METHODS, METHOD_COLOURS, METHOD_DASHES, METHOD_SHAPES = (
    *("@methods", "@colours", "@dashes", "@shapes"),
)
"""Stand in a specification for the methods that are drawn and for how they look."""


class Scope(enum.StrEnum):
    """What of a chart's rows is shown at once, and so which filters apply."""

    PROBLEM = "problem"
    """One problem at a time: the one chosen; hidden methods are left out."""
    ALL = "all"
    """All problems together; hidden methods are left out, the others are not computed again."""
    PAIR = "pair"
    """One pair of methods at a time."""


@dataclass(frozen=True)
class Chart:
    """A chart with its data.

    Attributes:
        name: short and unique; also the name of its files.
        title: in the page.
        about: how to read it: what is shown, n, what is censored, which interval.
        scope: which filters apply.
        rows: its data as columns; those of a problem have a column ``problem``.
        spec: builds the Vega-Lite specification; its data are called ``rows``.
        note: what this store's data say about it (n, what was left out).
    """

    name: str
    title: str
    about: str
    scope: Scope
    rows: Columns
    spec: Callable[[], alt.TopLevelMixin]
    note: str = ""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(self.rows.values())

    def vega_lite(self) -> dict[str, Any]:
        """The specification as plain values, with the common look."""
        found: dict[str, Any] = self.spec().to_dict(validate=False)
        found["config"] = LOOK
        found.pop("datasets", None)
        return found


Maker = Callable[[Runs], Chart]
"""A chart module's ``make``."""

LOOK: dict[str, Any] = {
    "background": None,
    "font": "system-ui, 'Segoe UI', 'Liberation Sans', Arial, sans-serif",
    "view": {"stroke": None},
    "axis": {
        **{"labelColor": "currentColor", "titleColor": "currentColor", "tickColor": "currentColor"},
        **{"domainColor": "currentColor", "gridColor": "currentColor", "gridOpacity": 0.15},
        **{"domainOpacity": 0.5, "tickOpacity": 0.5, "titleFontWeight": "normal"},
        **{"labelFontSize": 12, "titleFontSize": 13, "titlePadding": 8},
    },
    "legend": {
        **{"labelColor": "currentColor", "titleColor": "currentColor", "labelFontSize": 12},
        **{"orient": "bottom", "direction": "vertical", "columns": 2, "labelLimit": 300},
        **{"symbolLimit": 0, "title": None, "symbolStrokeWidth": 2.5, "symbolSize": 110},
        "symbolOpacity": 1,
    },
    "header": {"labelColor": "currentColor", "titleColor": "currentColor"},
    "title": {"color": "currentColor"},
}


def looks(methods: list[str], drawn: list[str]) -> dict[str, list[Any]]:
    """What the marks of a specification stand for, given all methods and those that are drawn."""
    places = [methods.index(m) for m in drawn]
    return {
        METHODS: drawn,
        METHOD_COLOURS: [COLOURS[i % len(COLOURS)] for i in places],
        METHOD_DASHES: [DASHES[i % len(DASHES)] for i in places],
        METHOD_SHAPES: [SHAPES[i % len(SHAPES)] for i in places],
    }


def resolve(spec: Any, look: dict[str, list[Any]]) -> Any:
    """A specification in which the marks are replaced."""
    if isinstance(spec, dict):
        return {key: resolve(value, look) for key, value in spec.items()}
    if isinstance(spec, list):
        if len(spec) == 1 and isinstance(spec[0], str) and spec[0] in look:
            return look[spec[0]]
        return [resolve(value, look) for value in spec]
    return spec


def colour(**rest: Any) -> alt.Color:
    """Methods by colour."""
    import altair as alt

    scale = alt.Scale(domain=[METHODS], range=[METHOD_COLOURS])
    return alt.Color("method:N", scale=scale, **rest)


def line() -> dict[str, Any]:
    """Methods by colour and dash of a line, with one legend for lines and bands."""
    import altair as alt

    scale = alt.Scale(domain=[METHODS], range=[METHOD_DASHES])
    dash = alt.StrokeDash("method:N", scale=scale, legend=_line_legend())
    colours = alt.Scale(domain=[METHODS], range=[METHOD_COLOURS])
    return {
        "stroke": alt.Stroke("method:N", scale=colours, legend=_line_legend()),
        "strokeDash": dash,
    }


def band() -> alt.Fill:
    """Methods by colour of an area."""
    import altair as alt

    scale = alt.Scale(domain=[METHODS], range=[METHOD_COLOURS])
    return alt.Fill("method:N", scale=scale, legend=_line_legend())


def _line_legend() -> alt.Legend:
    import altair as alt

    return alt.Legend(symbolType="stroke", symbolSize=500, symbolOpacity=1)


def shape(**rest: Any) -> alt.Shape:
    """Methods by shape, as well as by colour."""
    import altair as alt

    scale = alt.Scale(domain=[METHODS], range=[METHOD_SHAPES])
    return alt.Shape("method:N", scale=scale, **rest)


def rows() -> alt.NamedData:
    """The chart's own data."""
    import altair as alt

    return alt.NamedData(name="rows")
