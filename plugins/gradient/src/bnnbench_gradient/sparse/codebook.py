"""Sub-bit kernels: every 3x3 kernel is one of 2^b sign patterns (sbnn.md A.5.4; Wang et al. 2021).

Patterns have real parameters, clamped to [-3, 3], and are used through their signs; an entry with
absolute value below 1e-3 keeps its last sign. A kernel takes the pattern nearest to its latents,
which is the one with the largest inner product, since all patterns have the same length. Backward
to latents: 1 for abs(w) <= 1, else 0; in every 25th forward pass of training also the identity to
the chosen patterns, and in the pass after it duplicate patterns are replaced by random new ones.
A price per one, 0 in training, makes the choice
keep to a budget. Bits per weight: b / 9. Complexity: O(kernels 2^b 9) per pass.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bnnbench_gradient.sparse.surrogates import slope, through

ENTRIES, BOUND, DEAD, PERIOD = 9, 3.0, 1e-3, 25


class Codebook(nn.Module):
    """The patterns of one layer.

    Args:
        bits: b, 1 to 9.
        seed: of the first patterns and of replacements.
    """

    signs: Tensor
    price: Tensor

    def __init__(self, bits: int, seed: int = 0) -> None:
        super().__init__()
        if not 1 <= bits <= ENTRIES:
            raise ValueError(f"A codebook needs 1 to 9 bits, got {bits}.")
        self.bits = bits
        self.passes = 0
        self._generator = torch.Generator().manual_seed(seed)
        chosen = torch.randperm(2**ENTRIES, generator=self._generator)[: 2**bits]
        first = _pattern(chosen)
        self.patterns = nn.Parameter(first.clone())
        self.register_buffer("signs", first)
        self.register_buffer("price", torch.tensor(0.0))

    def forward(self, latent: Tensor) -> Tensor:
        """Codes -1 / +1 of kernels (outputs, inputs, 3, 3)."""
        teach = False
        if self.training:
            if self.passes % PERIOD == 1:
                self.refresh()
            teach = self.passes % PERIOD == 0
            self.passes += 1
        self._update_signs()
        kernels = latent.detach().reshape(-1, ENTRIES)
        scores = kernels @ self.signs.T - self.price * (self.signs > 0).sum(dim=1)
        nearest = scores.argmax(dim=1)
        codes = self.signs[nearest].view_as(latent)
        result = through(latent, codes, slope(latent.detach(), "hard"))
        if teach:
            # the difference is 0 and carries the gradient to the patterns
            chosen = through(self.patterns, self.signs)[nearest].view_as(latent)
            result = result + (chosen - chosen.detach())
        return result

    @torch.no_grad()
    def _update_signs(self) -> None:
        self.patterns.clamp_(-BOUND, BOUND)
        fresh = torch.where(self.patterns > 0, 1.0, -1.0).to(self.signs.dtype)
        self.signs = torch.where(self.patterns.abs() < DEAD, self.signs, fresh)

    @torch.no_grad()
    def refresh(self) -> None:
        """Replace all but the first of equal patterns by random ones that no pattern has."""
        self._update_signs()
        numbers = _number(self.signs).tolist()
        used, free = set(numbers), iter(())
        doubled = [i for i, number in enumerate(numbers) if number in numbers[:i]]
        if doubled:
            order = torch.randperm(2**ENTRIES, generator=self._generator).tolist()
            free = iter([number for number in order if number not in used])
        for i in doubled:
            row = _pattern(torch.tensor([next(free)]))[0]
            self.patterns[i] = row
            self.signs[i] = row


def _pattern(numbers: Tensor) -> Tensor:
    """Sign patterns of numbers 0..511, shape (n, 9)."""
    bits = (numbers[:, None] >> torch.arange(ENTRIES)) & 1
    return bits.float() * 2 - 1


def _number(signs: Tensor) -> Tensor:
    return ((signs > 0).long() << torch.arange(ENTRIES, device=signs.device)).sum(dim=1)
