"""An ad-hoc problem as a suite file."""

from __future__ import annotations

from typing import Any

from bnnbench.errors import SpecError, SuiteError
from bnnbench.member import Kind
from bnnbench.registry import Registry
from bnnbench.spec import parse
from bnnbench.suite.schema import LimitsTable, MethodTable, ProblemTable, SuiteFile

DEFAULT_OBJECTIVE = "errors"


def adhoc_file(registry: Registry, options: dict[str, Any]) -> SuiteFile:
    """The suite file that the options of ``bnnbench run`` describe.

    Raises:
        SpecError: for a text that cannot be read.
        SuiteError: when a solver has no formulation of its kind.
        UnknownNameError: for an unknown name.
    """
    formulations = [parse(f) for f in options["formulations"]]
    kinds = {str(f): registry.get(Kind.FORMULATION, f.name).target for f in formulations}
    methods = []
    for text in options["solvers"]:
        kind = registry.get(Kind.SOLVER, parse(text).name).target.kind
        fitting = [f for f, target in kinds.items() if target.kind == kind]
        if kind != "direct" and not fitting:
            names = [m.name for m in registry.members(Kind.FORMULATION) if m.target.kind == kind]
            raise SuiteError(
                f"Solver {text} reads models of kind {kind}: add --formulation,"
                f" one of {', '.join(names) or 'none installed'}."
            )
        methods.append(MethodTable(solver=text, formulation=fitting or None))
    natural = [o for target in kinds.values() for o in target.objectives[:1]]
    objective = options["objective"] or (natural[0] if natural else DEFAULT_OBJECTIVE)
    return SuiteFile(
        problem=[
            ProblemTable(
                data=options["dataset"],
                objective=objective,
                hidden=list(_widths(options["hidden"])),
                domain=options["domain"],
                outputs=options["outputs"],
                target=options["target"],
            )
        ],
        method=methods,
        seeds=_seeds(options["seeds"]),
        limits=LimitsTable(
            time=options["time_limit"],
            memory=options["memory_limit"],
            threads=options["threads"],
        ),
    )


def _widths(text: str | None) -> list[int]:
    """``8,8`` as widths; nothing or ``none`` for a network without hidden layer."""
    if text is None or text.strip().lower() in ("", "none", "0"):
        return []
    try:
        widths = [int(w) for w in text.split(",")]
    except ValueError:
        widths = [0]
    if min(widths) < 1:
        raise SpecError(f"--hidden: expected widths such as 16 or 8,8, got {text!r}.")
    return widths


def _seeds(text: str) -> list[int]:
    """``0,1,5`` or ``0-7`` as numbers."""
    seeds: list[int] = []
    try:
        for part in text.split(","):
            first, dash, last = part.strip().partition("-")
            seeds += range(int(first), int(last) + 1) if dash else [int(first)]
    except ValueError as error:
        raise SpecError(f"--seeds: expected 0,1,2 or 0-7, got {text!r}.") from error
    return seeds
