"""A run of a machine within limits: the common part of our own Ising machines."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from bnnbench.interfaces import Clock, Model, Report
from bnnbench.solution import Limits, Solution, Termination
from bnnbench_qubo.budget import Anneals
from bnnbench_qubo.harvest import Floats, Harvest, States
from bnnbench_qubo.ising_size import Size
from bnnbench_qubo.machine import PILOT_SWEEPS, Machine
from bnnbench_qubo.sampling import Schedule, collect, finish, overrun


def sample(
    model: Model,
    machine: Machine,
    path: Callable[[int], Floats],
    size: Size,
    limits: Limits,
    clock: Clock,
    report: Report,
    **info: Any,
) -> Solution:
    """Draw and decode reads until they are all there, the time is up or the target reached.

    Args:
        model: what the reads are decoded by.
        machine: what draws them.
        path: from a number of sweeps to the control parameter of each.
        size: sweeps and reads.
        limits: of the run.
        clock: of the run; what it shows now was spent on conversion.
        report: streams incumbents.
        info: further figures of the solution.
    """
    convert = clock.elapsed
    batch = size.replicas * machine.threads
    harvest = Harvest(model, report)
    with machine:
        pilot, plan = None, Anneals(0.0, sweeps=size.sweeps)
        if math.isfinite(limits.time):
            pilot = machine.pilot(path(PILOT_SWEEPS), size.replicas)
            shares, left = size.restarts, clock.left
            plan = pilot.shared(shares) if shares else pilot.repeated(size.sweeps, left)
            plan.decoding = harvest.decoding(pilot.states[0])

        def draw(reads: int, _: int, interrupt: Callable[[], bool]) -> tuple[States, Floats]:
            return machine.draw(reads, path(plan.sweeps), interrupt)

        schedule = Schedule(batch, size.total(batch), first=batch)
        termination, sampling = collect(harvest, clock, schedule, draw, machine.seed, plan)
    pilot_only = pilot is not None and harvest.reads == 0
    if pilot is not None and pilot_only and harvest.add(pilot.states, pilot.energies):
        termination = Termination.TARGET
    return finish(
        harvest,
        termination,
        sampling,
        convert,
        pilot_only=pilot_only,
        sweeps=plan.sweeps,
        **machine.info(sampling),
        **info,
        overrun_seconds=overrun(clock, limits),
    )
