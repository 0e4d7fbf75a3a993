"""What our samplers in torch share: groups of replicas, on a CPU or a CUDA device."""

from __future__ import annotations

from typing import ClassVar

from bnnbench_qubo.sampled import SampledSolver


class TorchSolver(SampledSolver):
    """A sampler that anneals all replicas at once, its fields ``replicas`` and ``device``."""

    requires: ClassVar[tuple[str, ...]] = ("torch",)
    preload: ClassVar[tuple[str, ...]] = ("torch",)
    whole: ClassVar[bool] = True

    replicas: int
    device: str

    @property
    def group(self) -> int:  # type: ignore[override]
        """Reads per call."""
        return self.replicas

    @property
    def parallel(self) -> bool:  # type: ignore[override]
        """Whether calls run side by side."""
        return self.device == "cpu"

    def available(self) -> str | None:
        reason = super().available()
        if reason is None and self.device == "cuda":
            import torch

            if not torch.cuda.is_available():
                reason = "torch sees no CUDA device"
        return reason
