"""The hooks of this plugin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bnnbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from bnnbench.interfaces import Solver


@hookimpl
def bnnbench_solvers() -> Iterable[type[Solver]]:
    """The straight-through trainers, two other methods, and the solver papers' baselines."""
    from bnnbench_gradient.bop import Bop
    from bnnbench_gradient.float_relu import FloatRelu
    from bnnbench_gradient.gd_bt import GdB, GdT
    from bnnbench_gradient.gd_nn import GdNn
    from bnnbench_gradient.parq import Parq
    from bnnbench_gradient.sbnn import Sbnn
    from bnnbench_gradient.ste import Ste

    return [Ste, Sbnn, Bop, Parq, GdNn, GdB, GdT, FloatRelu]
