"""A stand-in for an external MIP program: ``highs_program.py MODEL SOLUTION SECONDS THREADS``."""

import sys
from pathlib import Path

import highspy

model, solution, seconds, threads = sys.argv[1:]
solver = highspy.Highs()
solver.setOptionValue("output_flag", False)
solver.setOptionValue("time_limit", float(seconds))
solver.setOptionValue("threads", int(threads))
solver.setOptionValue("mip_feasibility_tolerance", 1e-9)
if solver.readModel(model) != highspy.HighsStatus.kOk:
    sys.exit(f"cannot read {model}")
solver.run()
with Path(solution).open("w", encoding="ascii") as out:
    if solver.getInfo().primal_solution_status == highspy.kSolutionStatusFeasible:
        for j, value in enumerate(solver.getSolution().col_value):
            print(solver.getColName(j)[1], repr(value), file=out)
