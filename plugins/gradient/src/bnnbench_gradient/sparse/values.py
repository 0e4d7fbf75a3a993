"""The values a layer's codes stand for: {alpha, beta} and its rivals (sbnn.md A.1, A.4.5).

==============  ===========================  ============================  ===================
domain          codes                        weights                       mask
==============  ===========================  ============================  ===================
``two-valued``  s = +1 under the mask, -1    tau s + phi, both learnt      largest latents
``symmetric``   the same                     tau s                         largest latents
``zero-one``    the same                     tau (s + 1)                   largest latents
``ternary``     sgn(w) under the mask, 0     tau c                         largest abs(latent)
==============  ===========================  ============================  ===================

tau enters by its absolute value: it starts at 1 (1/2 for ``zero-one``), equals the released
parameter as long as that is positive, and alpha and beta never change roles.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from bnnbench_gradient.sparse.surrogates import Surrogate, slope, through

Kind = Literal["two-valued", "symmetric", "zero-one", "ternary"]
KINDS: tuple[Kind, ...] = ("two-valued", "symmetric", "zero-one", "ternary")


class Values(nn.Module):
    """tau and phi of one layer, and how codes become weights.

    Attributes:
        kind: the domain.
        surrogate: backward pass from codes to latents.
        sharpness: f of the surrogate ``ede``.
    """

    def __init__(self, kind: Kind = "two-valued", surrogate: Surrogate = "identity") -> None:
        super().__init__()
        self.kind: Kind = kind
        self.surrogate: Surrogate = surrogate
        self.sharpness = 1.0
        self.raw = nn.Parameter(torch.tensor(0.5 if kind == "zero-one" else 1.0))
        self.shift = nn.Parameter(torch.tensor(0.0)) if kind == "two-valued" else None

    @property
    def tau(self) -> Tensor:
        """Half the distance of beta and alpha, or the scale of ternary codes."""
        return self.raw.abs()

    @property
    def phi(self) -> Tensor:
        """The middle of alpha and beta."""
        if self.shift is not None:
            return self.shift
        return self.tau if self.kind == "zero-one" else torch.zeros_like(self.raw)

    @property
    def alpha(self) -> float:
        """The value of weights that are not under the mask."""
        return 0.0 if self.kind == "ternary" else (self.phi - self.tau).item()

    @property
    def beta(self) -> float:
        """The value of weights under the mask, of positive ones for ``ternary``."""
        return (self.phi + self.tau).item()

    def score(self, latent: Tensor) -> Tensor:
        """What a mask takes the largest of."""
        return latent.abs() if self.kind == "ternary" else latent

    def codes(self, latent: Tensor, mask: Tensor) -> Tensor:
        """-1, 0, +1 of a mask, without gradient."""
        if self.kind == "ternary":
            return torch.where(latent > 0, 1.0, -1.0).to(latent.dtype) * mask
        return mask.to(latent.dtype) * 2 - 1

    def forward(self, latent: Tensor, codes: Tensor) -> Tensor:
        """Weights of codes; their gradient reaches tau, phi and, by the surrogate, the latents."""
        with torch.no_grad():
            factor = slope(latent, self.surrogate, self.sharpness)
        return self.tau * through(latent, codes, factor) + self.phi
