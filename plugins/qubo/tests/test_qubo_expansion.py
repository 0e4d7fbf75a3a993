"""The builder against a symbolic expansion of the definition, term by term, in exact fractions."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from bnnbench_qubo.bnn_qubo import BnnQubo

ENCODINGS = ("binary", "unary", "reflected")


def product(p, q):
    out = {}
    for (a, x), (b, y) in itertools.product(p.items(), q.items()):
        out[a | b] = out.get(a | b, 0) + x * y
    return out


def plus(*polynomials):
    out = {}
    for p in polynomials:
        for key, value in p.items():
            out[key] = out.get(key, 0) + value
    return out


def times(factor, p):
    return {key: factor * value for key, value in p.items()}


ONE = {frozenset(): Fraction(1)}


def minus(p, q):
    return plus(p, times(-1, q))


def bounded(tau):
    """Coefficients whose subset sums are exactly 0..tau - 1."""
    bits = (tau - 1).bit_length()
    powers = [2**b for b in range(bits - 1)]
    return [*powers, tau - 1 - sum(powers)] if bits else []


def weighted(coefficients, variables):
    return plus({}, *(times(c, v) for c, v in zip(coefficients, variables, strict=True)))


def rosenberg(x, y, q):
    return plus(product(x, y), times(-2, product(q, plus(x, y))), times(3, q))


class Binary:
    """c = tau a + s; the margin is s above the threshold and tau - 1 - s below it."""

    @staticmethod
    def slack(tau):
        return len(bounded(tau))

    @staticmethod
    def expand(tau, a, s, ancillas):
        value = weighted(bounded(tau), s)
        rest = minus(times(tau - 1, ONE), value)
        margin = plus(product(a, value), product(minus(ONE, a), rest))
        return plus(times(tau, a), value), {}, margin


class Unary:
    """c counts a chain of ones, then zeros, whose tau-th is a; the margin is its distance to c."""

    @staticmethod
    def slack(tau):
        return 2 * tau - 2

    @staticmethod
    def expand(tau, a, s, ancillas):
        below, above = s[: tau - 1], s[tau - 1 :]
        chain = [*below, a, *above]
        broken = [product(v, minus(ONE, u)) for u, v in itertools.pairwise(chain)]
        return plus(*chain), plus({}, *broken), plus({}, *above, *(minus(ONE, v) for v in below))


class Reflected:
    """c = tau + m above the threshold, tau - 1 - m below it, with products t = a m bit by bit."""

    ancillas = True

    @staticmethod
    def slack(tau):
        return len(bounded(tau))

    @staticmethod
    def expand(tau, a, s, ancillas):
        margin, both = weighted(bounded(tau), s), weighted(bounded(tau), ancillas)
        count = plus(times(tau - 1, ONE), a, times(-1, margin), times(2, both))
        rest = plus({}, *(rosenberg(a, u, t) for u, t in zip(s, ancillas, strict=True)))
        return count, rest, margin


DEFINITIONS = {"binary": Binary, "unary": Unary, "reflected": Reflected}


def naive_energy(problem, penalty, normalise, slack, mu):
    """qubo.md section 1.3 as written, by agreement counts c and an encoding's definition.

    One hidden layer of sign units, inputs -1/+1 or 0/1; an even count gets one more arc that
    always agrees.
    """
    X, _ = problem.dataset.part("train")
    wanted = problem.targets() > 0
    widths, bias = problem.architecture.widths, problem.domain.bias == "same"
    counter = itertools.count()

    def fresh():
        return {frozenset({next(counter)}): Fraction(1)}

    def active(k):
        return [i for i in range(widths[0]) if X[k, i]]

    odd = all((len(active(k)) + bias) % 2 == 1 for k in range(len(X)))
    w = {}
    for layer in (1, 2):
        for i in range(widths[layer - 1] + bias):
            for v in range(widths[layer]):
                fixed = normalise and odd and layer == 2 and v == 0 and i < widths[1]
                w[layer, i, v] = ONE if fixed else fresh()
    terms, hidden, encoding = [], {}, DEFINITIONS[slack]
    for layer in (1, 2):
        samples, units = range(len(X)), range(widths[layer])
        arcs = {k: active(k) if layer == 1 else list(range(widths[1])) for k in samples}
        reach = {k: len(arcs[k]) + bias for k in samples}
        tau = {k: reach[k] // 2 + 1 for k in samples}
        a = {(k, v): fresh() for k in samples for v in units}
        bits = {
            (k, v): [fresh() for _ in range(encoding.slack(tau[k]))]
            for k, v in itertools.product(samples, units)
        }
        q = {}
        if layer == 2:
            for k, i, v in itertools.product(samples, arcs[0], units):
                if w[2, i, v] is not ONE:
                    q[k, i, v] = fresh()
        products = {
            key: [fresh() for _ in s] if encoding is Reflected else [] for key, s in bits.items()
        }
        for k, v in itertools.product(samples, units):
            parts = [ONE] if reach[k] % 2 == 0 else []
            for i in arcs[k]:
                weight = w[layer, i, v]
                if layer == 1:
                    agree = weight if X[k, i] > 0 else plus(ONE, times(-1, weight))
                elif weight is ONE:
                    agree = hidden[k, i]
                else:
                    s, h = q[k, i, v], hidden[k, i]
                    agree = plus(ONE, times(-1, weight), times(-1, h), times(2, s))
                    terms.append(times(penalty, rosenberg(weight, h, s)))
                parts.append(agree)
            if bias:
                parts.append(w[layer, widths[layer - 1], v])
            count, further, margin = encoding.expand(tau[k], a[k, v], bits[k, v], products[k, v])
            gap = minus(plus(*parts), count)
            terms.append(times(penalty, plus(product(gap, gap), further)))
            terms.append(times(-mu, margin))
            if layer == 2:
                terms.append(plus(ONE, times(-1, a[k, v])) if wanted[k, v] else a[k, v])
        hidden = a
    return plus(*terms), next(counter)


def largest_margins(problem):
    """The sum of tau - 1 over units and samples, the margins' scale."""
    X, _ = problem.dataset.part("train")
    widths, bias = problem.architecture.widths, problem.domain.bias == "same"
    first = [int((row != 0).sum()) for row in X]
    levels = [(n + bias) // 2 * widths[1] + (widths[1] + bias) // 2 * widths[2] for n in first]
    return max(1, sum(levels))


@pytest.mark.parametrize("bias", ["none", "same"])
@pytest.mark.parametrize("values", [(-1, 1), (0, 1)])
@pytest.mark.parametrize(("d", "h", "outputs"), [(3, 2, 1), (4, 3, 1), (5, 3, 2), (2, 1, 3)])
@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("slack", ENCODINGS)
@pytest.mark.parametrize("margin", [0, 3])
def test_the_builder_is_the_naive_expansion_term_by_term(
    random_problem, bias, values, d, h, outputs, normalise, slack, margin
):
    problem = random_problem(4, d, (h,), outputs, values=values, bias=bias)
    params = {"penalty": 0.25, "normalise": normalise, "slack": slack, "margin": margin}
    qubo = BnnQubo(**params).build(problem).data
    mu = Fraction(margin) / largest_margins(problem)
    expected, n = naive_energy(problem, Fraction(1, 4), normalise, slack, mu)
    built = {frozenset(): qubo.offset}
    built |= {frozenset({i}): v for i, v in enumerate(qubo.linear.tolist())}
    triples = zip(qubo.rows.tolist(), qubo.cols.tolist(), qubo.values.tolist(), strict=True)
    built |= {frozenset({i, j}): v for i, j, v in triples}
    assert qubo.n == n
    close = {k: v for k, v in built.items() if abs(v) > 1e-9}
    assert close == pytest.approx({k: float(v) for k, v in expected.items() if v})
    if not margin:
        assert close == {k: float(v) for k, v in expected.items() if v}
