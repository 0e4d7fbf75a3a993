"""Vega-Lite's JavaScript for the page and its drawing without a browser, both from vl-convert."""

from __future__ import annotations

from functools import cache
from typing import Any

from bnnbench.errors import StoreError

MISSING = (
    "The charts of a report need altair and vl-convert-python: pip install 'bnnbench[report]'."
)


@cache
def _library() -> tuple[Any, str]:
    """vl-convert and the version of Vega-Lite that altair writes for."""
    try:
        import altair
        import vl_convert
    except ImportError as error:
        raise StoreError(MISSING) from error
    wanted = ".".join(altair.SCHEMA_VERSION.lstrip("v").split(".")[:2])
    versions = vl_convert.get_vegalite_versions()
    return vl_convert, wanted if wanted in versions else versions[-1]


def require() -> None:
    """Fail now rather than after all figures were computed.

    Raises:
        StoreError: when altair or vl-convert is not installed.
    """
    _library()


@cache
def javascript() -> str:
    """Vega, Vega-Lite and Vega-Embed as one module, about 900 kB."""
    library, version = _library()
    return str(library.javascript_bundle(vl_version=version))


def svg(spec: dict[str, Any]) -> str:
    """A specification drawn as SVG."""
    library, version = _library()
    return str(library.vegalite_to_svg(spec, vl_version=version))


def png(spec: dict[str, Any]) -> bytes:
    """A specification drawn as PNG, twice as fine as its pixels."""
    library, version = _library()
    return bytes(library.vegalite_to_png(spec, vl_version=version, scale=2))
