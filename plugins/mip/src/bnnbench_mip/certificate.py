"""Which states of the first layer a box around an input cannot change (bdnn.md A.8).

In the box |delta_j| <= r the sum of a unit moves by at most r |w|_1, so its state is certain where
z >= r |w|_1, or z < -r |w|_1. All layers above follow, so a row whose first layer is certain keeps
its class. Exact, O(n * units) after a forward pass.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from bnnbench.domain import Ints
from bnnbench.network import Network


def certain_states(
    network: Network, X: Ints, scale: int, radius: Fraction | str
) -> npt.NDArray[np.bool_]:
    """Whether each unit of the first layer keeps its state in the box, shape (n, units).

    Args:
        network: without connections from the features to later layers.
        X: features as integers over ``scale``, shape (n, d).
        scale: their denominator.
        radius: of the box, in units of the features.

    Raises:
        NetworkError: when the features do not fit the network.
    """
    layer, forward = network.layers[0], network.forward(X, scale)
    reach = Fraction(radius) * forward.units[0] / layer.scale
    moved = [reach * size for size in np.abs(layer.weights).sum(axis=0).tolist()]
    # z is whole: z >= v is z >= ceil(v), and z < -v is z < -floor(v).
    above = np.array([-(-v.numerator // v.denominator) for v in moved], dtype=np.int64)
    below = np.array([-(v.numerator // v.denominator) for v in moved], dtype=np.int64)
    certain: npt.NDArray[np.bool_] = (forward.pre[0] >= above) | (forward.pre[0] < below)
    return certain
