"""The threshold form: nets with one output as "+1 where at least T of H half-spaces fire".

For one hidden layer of H units, one output, hidden weights closed under negation and free biases,
the classifiers of the class are exactly these (errors.md section 1), provided that every weighted
vote of the outgoing weights is a plain count: for weights -1, 0, 1 or -1, 1 at any H, and for
larger integers at H <= 2, where every weighted vote of two units is one of "and", "or" with units
negated. An outgoing weight -v becomes v by w -> -w, b -> -b - 1; v = 0 is a unit that never or
always fires. Not exact, and refused: more outputs, more layers, biases with a range (T would be
restricted with the output bias), larger weights at H >= 3 (2 u1 + u2 + u3 is no count).

Errors need nothing else of a sample than its features and which class is in the majority: equal
rows become one with weight abs(n+ - n-), and the minorities are the *base* that every net pays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnbench.domain import Binary, Integer
from bnnbench.network import Layer, Network
from bnnbench.problem import Problem
from bnnbench_mip.lattice import Int64

OBJECTIVES = ("errors", "sign-errors", "hamming")
"""With one output all three count wrong signs."""


@dataclass(frozen=True, eq=False)
class Firing:
    """A net in threshold form.

    Attributes:
        weights: shape (features, units).
        thresholds: a unit fires where x w >= threshold, shape (units,).
        votes: T: how many must fire for +1; 0 for always, more than there are units for never.
    """

    weights: Int64
    thresholds: Int64
    votes: int

    def fires(self, X: Int64) -> Int64:
        """How many units fire on every row."""
        return np.asarray((X @ self.weights >= self.thresholds).sum(axis=1), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class ThresholdForm:
    """A problem of errors as weighted distinct samples.

    Attributes:
        problem: what it was made from.
        X: distinct rows whose classes are not in balance, live features only, as integers.
        positive: whether +1 is in the majority, shape (rows,).
        weight: by how many rows, shape (rows,).
        base: errors of every net on balanced and minority rows.
        live: which features are not 0 everywhere.
        units: H.
        values: what a hidden weight may be, ascending.
    """

    problem: Problem
    X: Int64
    positive: np.ndarray[tuple[int], np.dtype[np.bool_]]
    weight: Int64
    base: int
    live: np.ndarray[tuple[int], np.dtype[np.bool_]]
    units: int
    values: Int64

    @classmethod
    def of(cls, problem: Problem) -> ThresholdForm:
        """The form of an accepted problem; see :func:`refuses`."""
        X, y = problem.dataset.part("train")
        distinct, row = np.unique(X, axis=0, return_inverse=True)
        balance = np.bincount(row.reshape(-1), np.where(y == 1, 1, -1), len(distinct))
        balance = np.rint(balance).astype(np.int64)
        used = balance != 0
        live = (distinct != 0).any(axis=0)
        step = int(np.gcd.reduce(distinct, axis=None)) if distinct.size else 1
        return cls(
            problem,
            distinct[used][:, live].astype(np.int64) // max(1, step),
            balance[used] > 0,
            np.abs(balance[used]),
            (len(y) - int(np.abs(balance).sum())) // 2,
            live,
            problem.architecture.hidden[0],
            problem.domain.grids()[0].values,
        )

    def excess(self, net: Firing) -> int:
        """Errors beyond the base."""
        wrong = (net.fires(self.X) >= net.votes) != self.positive
        return int(self.weight[wrong].sum())

    def network(self, net: Firing) -> Network:
        """A network of the class that decides alike; unused units never fire.

        Outgoing weights are +1, the output bias is 1 lower than the votes ask for:
        2 m - H + c >= 0 exactly where m >= T, for c = H - 2 T.
        """
        problem, units = self.problem, self.units
        X = problem.dataset.part("train")[0]
        step = int(np.gcd.reduce(X, axis=None)) if X.size else 1
        weights = np.full((len(self.live), units), self._idle(), dtype=np.int64)
        used = net.weights.shape[1]
        weights[self.live, :used] = net.weights
        dead = np.flatnonzero(~self.live)
        weights[dead] = self._idle()
        reach = int(np.abs(X.astype(np.int64)).sum(axis=1).max(initial=0)) + 1
        bias = np.full(units, -reach * int(self.values[-1]) - 1, dtype=np.int64)
        bias[:used] = -net.thresholds * max(1, step)
        ones = np.ones((units, 1), dtype=np.int64)
        low = 2 if problem.architecture.activation == "sign" else 1
        shift = units if low == 2 else 0
        output = np.array([shift - low * net.votes], dtype=np.int64)
        unit = problem.unit(1)
        return Network(
            problem.architecture, (Layer(weights, bias, 1, unit), Layer(ones, output, 1, 1))
        )

    def _idle(self) -> int:
        return int(min(self.values.tolist(), key=abs))


def refuses(problem: Problem) -> str | None:
    """Why the threshold form would not be exact; None when it is."""
    arch, domain = problem.architecture, problem.domain
    if problem.objective.name not in OBJECTIVES:
        return f"counts {', '.join(OBJECTIVES)}, not {problem.objective.name}"
    if arch.depth != 2 or not arch.dense or arch.outputs != 1:
        return f"needs one fully connected hidden layer and one output, not {arch.text}"
    if not isinstance(domain, Integer | Binary) or domain.bias != "free":
        return f"needs integer or binary weights with free biases, not {domain.spec}"
    if isinstance(domain, Integer) and domain.P > 1 and arch.hidden[0] > 2:
        return f"weighted votes of {arch.hidden[0]} units with weights up to {domain.P}"
    return None
