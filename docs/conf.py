"""Sphinx configuration: ``sphinx-build -W -b html docs site``."""

from __future__ import annotations

from bnnbench import __version__

project = "bnnbench"
author = "The bnnbench developers"
release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
myst_enable_extensions = ["deflist", "fieldlist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"bnnbench {release}"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
# Names in annotations such as Int64 are numpy types, whose pages would need a network to resolve.
nitpicky = False
