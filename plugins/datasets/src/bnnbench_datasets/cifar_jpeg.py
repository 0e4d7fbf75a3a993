"""A lossy copy of CIFAR-10 as JPEG files (datasets.md 3.7): for smoke tests and timing only.

The archives hold ``train/CLASS/0000.jpg`` .. and ``test/CLASS/0000.jpg`` ..; rows are ordered by
class and number, for the original order is lost. Pixels are in the order of ``cifar10``: red,
green, blue, each row-major. Decoders may differ by one grey level, so the digest belongs to one
version of Pillow, which is noted. A figure from this set carries its name, never that of
``cifar10``.
"""

from __future__ import annotations

import io
import re
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bnnbench.dataset import Dataset
from bnnbench.errors import DataError
from bnnbench.table import TEST, TRAIN, Table
from bnnbench_datasets.cifar import CLASSES
from bnnbench_datasets.decoded import decoded
from bnnbench_datasets.files import find, loader
from bnnbench_datasets.records import CIFAR10_JPEG

_NAME = re.compile(r"(train|test)/([a-z]+)/(\d{4})\.jpg")
MAX_IMAGE = 1 << 16


@loader(CIFAR10_JPEG)
def cifar10_jpeg() -> Dataset:
    """CIFAR-10 after JPEG compression: 50,000 + 10,000 rows, 3072 values 0..255, 10 classes.

    Raises:
        DataError: when an archive is missing or corrupt, or Pillow is not installed.
    """
    decoder = _decoder()
    return decoded(CIFAR10_JPEG, lambda: _decode(decoder), decoder)


def _decoder() -> str:
    try:
        import PIL
        from PIL import features
    except ImportError as error:
        raise DataError(
            "cifar10-jpeg: decoding JPEG needs Pillow: pip install 'bnnbench-datasets[images]'."
        ) from error
    turbo = features.version("libjpeg_turbo") or features.version("jpg")
    return f"Pillow {PIL.__version__}, libjpeg {turbo}"


def _decode(decoder: str) -> Table:
    parts = [read_images(find(CIFAR10_JPEG, k), part) for k, part in enumerate(("train", "test"))]
    sizes = [len(y) for _, y in parts]
    return Table(
        X=np.concatenate([X for X, _ in parts]),
        y=np.concatenate([y for _, y in parts]),
        part=np.repeat(np.array([TRAIN, TEST], dtype=np.int8), sizes),
        classes=CLASSES,
        notes={"set": "cifar10-jpeg", "decoder": decoder, "lossy": "JPEG, original order lost"},
    )


def read_images(path: Path, part: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Pixels (n, 3072) and labels (n,) of an archive, by class and number.

    Raises:
        DataError: for a file of another name or class, or one that is no image of 32x32 pixels.
    """
    images: dict[tuple[int, str], npt.NDArray[np.uint8]] = {}
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            if member.isdir():
                continue
            found = _NAME.fullmatch(member.name)
            stream = archive.extractfile(member) if found and member.isreg() else None
            if found is None or stream is None or found[1] != part or found[2] not in CLASSES:
                raise DataError(f"{path}: unexpected member {member.name!r}.")
            content = stream.read(MAX_IMAGE)
            images[CLASSES.index(found[2]), found[3]] = _pixels(content, f"{path}: {member.name}")
    if not images:
        raise DataError(f"{path}: there are no images.")
    order = sorted(images)
    y = np.array([label for label, _ in order], dtype=np.int64)
    return np.stack([images[key] for key in order]), y


def _pixels(content: bytes, name: str) -> npt.NDArray[np.uint8]:
    from PIL import Image

    try:
        image: Any = Image.open(io.BytesIO(content), formats=("JPEG",))
        pixels = np.asarray(image.convert("RGB"), dtype=np.uint8)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{name} is no JPEG image ({error}).") from error
    if pixels.shape != (32, 32, 3):
        raise DataError(f"{name} has shape {pixels.shape}, expected 32x32 pixels.")
    return pixels.transpose(2, 0, 1).reshape(-1)
