"""Networks in the formats of inference runtimes, exact to the last integer.

:func:`to_onnx` writes integer operators only; :func:`to_qonnx` writes quantiser nodes for
hardware flows. :func:`differences` runs an exported model and compares every output with the
network's own forward pass. All need the extra ``onnx``.
"""

from bnnbench.export.check import differences, trial_rows
from bnnbench.export.features import Features
from bnnbench.export.integer_onnx import to_onnx
from bnnbench.export.quantised_onnx import to_qonnx

__all__ = ["Features", "differences", "to_onnx", "to_qonnx", "trial_rows"]
