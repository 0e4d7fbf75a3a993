"""The hooks of this plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from bnnbench.hookspecs import hookimpl


@hookimpl
def bnnbench_datasets() -> Iterable[Callable[..., Any]]:
    """Bundled sets, loaders of raw files, synthetic families."""
    from bnnbench_datasets import (
        a1a,
        adult,
        bundled,
        cifar,
        credit,
        heart,
        mnist,
        userfile,
        wisconsin,
    )
    from bnnbench_datasets.synthetic import boolean, cloud, patterns, planted, teacher

    return [
        bundled.digits,
        bundled.breast_cancer,
        bundled.iris,
        bundled.wine,
        mnist.mnist,
        mnist.fashion_mnist,
        adult.adult,
        heart.heart,
        heart.cleveland,
        wisconsin.bcw_kurtz_bah,
        wisconsin.bcw_original,
        credit.credit_default,
        a1a.a1a,
        cifar.cifar10,
        userfile.file,
        cloud.kb_random,
        planted.planted,
        boolean.boolean,
        patterns.bars_stripes,
        teacher.teacher,
    ]


@hookimpl
def bnnbench_transforms() -> Iterable[Callable[..., Any]]:
    """Scaling, binarisation, selection, draws."""
    from bnnbench_datasets import (
        binarise,
        columns,
        draws,
        images,
        published,
        scaling,
        selection,
        sequences,
    )
    from bnnbench_datasets.synthetic import labels

    return [
        scaling.minmax,
        scaling.fixed,
        binarise.median,
        binarise.threshold,
        binarise.thermometer,
        columns.onehot,
        columns.dead_drop,
        columns.first_features,
        images.downscale,
        selection.classes,
        selection.dedup,
        selection.take,
        draws.few_shot,
        draws.sample,
        draws.split,
        draws.stratified,
        sequences.consecutive,
        sequences.round_robin,
        published.inn2023_split,
        labels.noise,
        labels.dup,
    ]
