"""Sessions for ``nox``; ``.ci/run`` is what must pass before a change is merged."""

from __future__ import annotations

from pathlib import Path

import nox

nox.options.sessions = ["lint", "types", "contracts", "tests"]
nox.options.reuse_existing_virtualenvs = True

PYTHONS = ["3.11", "3.12", "3.13"]
WITHOUT_TORCH = {"3.13"}


def _install(session: nox.Session) -> None:
    core = session.python in WITHOUT_TORCH
    everything = "requirements-core.txt" if core else "requirements.txt"
    session.install("-r", everything, "-r", "requirements-test.txt")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests of the core and of all plugins; arguments after -- go to pytest."""
    _install(session)
    session.run("pytest", *session.posargs)


@nox.session(python="3.11")
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    session.install("-r", "requirements-test.txt")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session(python="3.11")
def types(session: nox.Session) -> None:
    """Check types, strictly, of the core and of every plugin."""
    _install(session)
    session.run("mypy")
    for source in sorted(Path("plugins").glob("*/src")):
        session.run("mypy", "--strict", str(source))


@nox.session(python="3.11")
def contracts(session: nox.Session) -> None:
    """Check which module may import which."""
    _install(session)
    session.run("lint-imports")


@nox.session(python="3.11")
def quickstart(session: nox.Session) -> None:
    """Run the suite ``quickstart`` into a temporary store."""
    session.install("-r", "requirements.txt")
    store = Path(session.create_tmp()) / "quickstart.bnnbench"
    store.unlink(missing_ok=True)
    session.run("bnnbench", "run", "quickstart", "--store", str(store))


@nox.session(python="3.11")
def docs(session: nox.Session) -> None:
    """Build the documentation into site/, warnings as errors."""
    session.install("-r", "requirements-core.txt", "-r", "requirements-test.txt")
    session.run("sphinx-build", "-W", "--keep-going", "-b", "html", "docs", "site")
