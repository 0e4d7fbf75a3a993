"""The rules of bnnbench for every transform and for the data sets that need no raw files."""

import pytest
from bnnbench_datasets import plugin

from bnnbench.testing import DatasetCase, TransformCase, verdicts

DATASETS = (
    *("iris", "wine", "breast-cancer", "digits", "kb-random[m=60,n=4]", "bars-stripes"),
    *("planted[N=20,h=2,n=6]", "teacher[N=32,h=3,m=3]", "boolean[f=parity,n=4]"),
    "iris | minmax | stratified[train=0.6,validation=0.1]",
    "digits | classes[keep=(3,8)] | threshold[t=8] | few-shot[k=5]",
)
# needs raw files, the network or a file of the user
ELSEWHERE = {
    *("mnist", "fashion-mnist", "adult", "heart", "cleveland", "bcw-kurtz-bah", "bcw-original"),
    *(
        "credit-default",
        "a1a",
        "cifar10",
        "cifar100",
        "cifar10-jpeg",
        "california",
        "openml",
        "file",
    ),
}
TRANSFORMS = (
    *("minmax", "fixed[decimals=1]", "median", "threshold[t=0]", "thermometer[b=2]"),
    *("onehot[columns=(0,1)]", "dead-drop", "first-features[n=2]", "classes[keep=(0,2)]"),
    *("dedup", "take[n=10]", "few-shot[k=3]", "sample[n=9]", "split[train=0.7]"),
    *("stratified[train=0.7]", "consecutive[k=3]", "round-robin[n=9]", "noise[r=2]", "dup[r=3]"),
)
# reads square images, or needs one of the published sets
PARTICULAR = {"downscale", "inn2023-split"}


def check(case, spec):
    """All rules at once: there are hundreds, each of a millisecond."""
    found = list(verdicts(type("Check", (case,), {"spec": spec})))
    assert {v.outcome for v in found} >= {"passed"}
    assert [(v.rule, v.why) for v in found if v.outcome == "failed"] == []


@pytest.mark.parametrize("spec", DATASETS)
def test_data_sets_keep_the_rules(spec):
    check(DatasetCase, spec)


@pytest.mark.parametrize("spec", TRANSFORMS)
def test_transforms_keep_the_rules(spec):
    check(TransformCase, spec)


def named(functions):
    return {getattr(f, "name", f.__name__.replace("_", "-")) for f in functions}


def test_everything_is_checked_or_excused():
    checked = {s.partition(" ")[0].partition("[")[0] for s in DATASETS}
    assert checked | ELSEWHERE == named(plugin.bnnbench_datasets())
    assert {s.partition("[")[0] for s in TRANSFORMS} | PARTICULAR == named(
        plugin.bnnbench_transforms()
    )
