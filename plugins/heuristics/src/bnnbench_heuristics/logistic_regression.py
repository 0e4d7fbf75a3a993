"""Logistic regression as a network without hidden layers: the float classifier to beat.

scikit-learn's L2-regularised fit on X / scale; weights and intercepts are rounded to a decimal
grid. One row of weights per class; for two classes the fitted row w, or -w and w with two outputs,
whose argmax is the sign of w x + b. A class without a training row gets no weight and a bias below
every reachable output.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from bnnbench.architecture import Architecture
from bnnbench.errors import NetworkError
from bnnbench.exact import column_reach
from bnnbench.interfaces import Model, Report, Solver
from bnnbench.network import Layer, Network
from bnnbench.solution import Limits, Solution, Termination
from bnnbench_heuristics.constant import Constant

if TYPE_CHECKING:
    from bnnbench.problem import Problem


@dataclass(frozen=True)
class LogisticRegression(Solver):
    """Logistic regression on the float features (scikit-learn), rounded to a fine grid.

    The defaults are scikit-learn's; ``info`` says whether the fit converged.

    Attributes:
        C: inverse strength of the regularisation.
        max_iter: most iterations of the fit.
        decimals: decimal places of weights and intercepts.
    """

    name: ClassVar[str] = "logistic-regression"
    requires: ClassVar[tuple[str, ...]] = ("scikit-learn",)
    preload: ClassVar[tuple[str, ...]] = ("sklearn.linear_model",)
    reference: ClassVar[bool] = True
    C: float = 1.0
    max_iter: int = 100
    decimals: int = 6

    def solve(self, model: Model, limits: Limits, seed: int, report: Report) -> Solution:
        problem = model.problem
        X, y = problem.dataset.part("train")
        if len(np.unique(y)) == 1:
            return Constant().solve(model, limits, seed, report)
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression as Fit

        fit = Fit(C=self.C, max_iter=self.max_iter, random_state=seed % 2**32)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            fit.fit(np.asarray(X) / problem.dataset.scale, y)
        network = self._export(problem, fit)
        report(network)
        iterations = int(np.max(fit.n_iter_))
        converged = iterations < self.max_iter
        return Solution.found(
            network, Termination.ITERATIONS, iterations=iterations, converged=converged
        )

    def _export(self, problem: Problem, fit: Any) -> Network:
        W, b = _rows(problem, fit)
        scale = 10**self.decimals
        if scale * max(float(np.abs(W).max()), float(np.abs(b).max())) >= 2**62:
            raise NetworkError(
                f"The weights of a logistic regression do not fit {self.decimals} decimals in 64"
                " bits. Use fewer decimals."
            )
        layer = Layer(_round(W * scale), _round(b * scale), scale, scale)
        inputs, outputs = W.shape
        return Network(Architecture(inputs, (), outputs), (layer,))


def _rows(problem: Problem, fit: Any) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Weights (inputs, outputs) and intercepts of all outputs."""
    W, b = fit.coef_.T, fit.intercept_
    classes = fit.classes_
    if len(classes) == 2:
        W, b = np.hstack([-W, W]), np.concatenate([-b, b])
    outputs = problem.architecture.outputs
    if outputs == 1:
        return W[:, 1:], b[1:]
    full = np.zeros((W.shape[0], outputs))
    full[:, classes] = W
    X = problem.dataset.part("train")[0]
    reach = np.abs(W).max(axis=1) @ np.array(column_reach(X)) / problem.dataset.scale
    bias = np.full(outputs, -float(math.ceil(reach + np.abs(b).max() + 1)))
    bias[classes] = b
    return full, bias


def _round(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    return np.rint(values).astype(np.int64)
