"""Suites under asv (airspeed velocity): figures of every cell over the commits of a repository.

A benchmark module names a suite file and asks this package for everything else; see
``suites/quickstart_asv.py``. What asv wants, and why the module is written as it is:

- it keys ``setup_cache`` by file and line, so every module has one of its own, textually;
- it collects every class that it finds in a module, imported ones too, so there is no base class;
- its parameters form a full product, so points that are no cells of the suite give NaN;
- for it lower is better, always: errors, gaps and seconds are tracked, accuracy is not;
- NaN means not applicable, None means failed.

A point of its parameters is a problem and a method; the seeds are its samples. asv's interval of a
median, of 99 %, is unbounded below eight samples, and what has an unbounded interval never differs
for ``asv compare``: so eight seeds or more give an interval, fewer a plain median.
"""

from bnnbench.asv.results import export
from bnnbench.asv.samples import FIGURES, PARAM_NAMES, Figure, Point, key, tracked
from bnnbench.asv.tracking import STORE, Cells, figures, look_up, params, tracker

__all__ = [
    "FIGURES",
    "PARAM_NAMES",
    "STORE",
    "Cells",
    "Figure",
    "Point",
    "export",
    "figures",
    "key",
    "look_up",
    "params",
    "tracked",
    "tracker",
]
