"""Fixstars Amplify's annealing engine, over its cloud service.

Needs the package amplify and the environment variable AMPLIFY_TOKEN. The wall limit covers the
network and the queue. Tested against a stand-in of the client; no measurement of ours used the
service.
"""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bnnbench.errors import ProblemError
from bnnbench.interfaces import Model
from bnnbench.models import Qubo
from bnnbench.solution import Limits
from bnnbench_qubo.harvest import Floats, States
from bnnbench_qubo.sampled import Group, SampledSolver

TOKEN = "AMPLIFY_TOKEN"
SITES = 8192


@dataclass(frozen=True)
class Fixstars(SampledSolver):
    """Fixstars Amplify's annealing engine (needs amplify and AMPLIFY_TOKEN).

    The service cannot be seeded, so runs do not reproduce. One call is one read.

    Attributes:
        num_reads: calls in all; none for as many as the time allows.
        call_seconds: time limit of a call on the service.
    """

    name: ClassVar[str] = "fixstars"
    requires: ClassVar[tuple[str, ...]] = ("amplify",)
    parallel: ClassVar[bool] = False

    call_seconds: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.call_seconds <= 0:
            raise ProblemError("fixstars: call_seconds must be positive.")

    def available(self) -> str | None:
        reason = super().available()
        if reason is None and not os.environ.get(TOKEN):
            reason = f"no credentials: set the environment variable {TOKEN}"
        return reason

    def accepts(self, model: Model) -> str | None:
        if isinstance(model.data, Qubo) and model.data.n > SITES:
            return f"{model.data.n} variables, over {SITES}"
        return super().accepts(model)

    def prepare(self, model: Model, limits: Limits) -> tuple[Group, dict[str, Any]]:
        api: Any = importlib.import_module("amplify")
        qubo: Qubo = model.data
        polynomial = api.VariableGenerator().matrix("Binary", qubo.n)
        polynomial.quadratic[qubo.rows, qubo.cols] = qubo.values
        polynomial.linear[:] = qubo.linear
        polynomial.constant = qubo.offset
        client = api.FixstarsClient(token=os.environ[TOKEN])
        client.parameters.timeout = int(1000 * min(self.call_seconds, limits.time))

        def draw(reads: int, seed: int, sweeps: int) -> tuple[States, Floats]:
            best = api.solve(api.Model(polynomial), client).best
            bits = np.asarray(polynomial.variable_array.evaluate(best.values))
            states: States = bits.reshape(1, qubo.n).astype(np.int8)
            return states, qubo.energy(states)

        return draw, {}
