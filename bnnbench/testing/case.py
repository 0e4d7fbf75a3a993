"""What a conformance case is: a class whose test methods are rules, for pytest and without it.

A rule that is broken raises :class:`BrokenRuleError`, which says what happened and what to do. A
rule that cannot be judged raises :class:`unittest.SkipTest`, which pytest shows as a skipped test.
"""

from __future__ import annotations

import dataclasses
import inspect
import pickle
import unittest
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

from bnnbench.errors import SpecError
from bnnbench.member import Kind, Member
from bnnbench.registry import Registry
from bnnbench.spec import Spec, format_value, parse
from bnnbench.testing.fresh import LIBRARIES, imported_at_registration, modules_of

KIT = Path(__file__).with_name("kit.py")
MAX_SUMMARY = 120
MAX_REASON = 300


class BrokenRuleError(AssertionError):
    """A rule that does not hold.

    Attributes:
        why: what happened.
        remedy: what the author can do.
    """

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(f"{why}\nRemedy: {remedy}")
        self.why, self.remedy = why, remedy


def require(holds: Any, why: str, remedy: str) -> None:
    """Raise unless something holds.

    Raises:
        BrokenRuleError: with these texts.
    """
    if not holds:
        raise BrokenRuleError(why, remedy)


def sensible(reason: Any, said_by: str) -> None:
    """A reason not to do something must be a short text of one line.

    Raises:
        BrokenRuleError: when it is not.
    """
    fits = isinstance(reason, str) and 0 < len(reason.strip()) <= MAX_REASON
    require(
        fits and "\n" not in reason,
        f"{said_by} gave {reason!r} as its reason.",
        f"Return None, or one line of at most {MAX_REASON} characters that names what is wrong.",
    )


class Case:
    """What all conformance cases share; see :class:`~bnnbench.testing.SolverCase` and the others.

    Attributes:
        spec: what is checked, as a suite would write it.
        plugins: local plugin files that provide it; not needed for an installed plugin.
    """

    kind: ClassVar[Kind]
    spec: ClassVar[str] = ""
    plugins: ClassVar[tuple[str | Path, ...]] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """Local plugin files: the kit's own, and those named in ``plugins``."""
        return (KIT, *(Path(p).resolve() for p in self.plugins))

    @property
    def registry(self) -> Registry:
        """All installed plugins, and the local files."""
        return _registry(self.files)

    @property
    def parsed(self) -> Spec:
        """``spec`` as a spec."""
        return parse(self.spec)

    @property
    def member(self) -> Member:
        """What is checked, as it is registered."""
        return self.registry.get(self.kind, self.parsed.name)

    @property
    def subject(self) -> Any:
        """An instance of the class that is checked, with the parameters of ``spec``."""
        return self.member.make(self.parsed)

    def test_summary(self) -> None:
        """The docstring's first line says in one line what it is."""
        summary = self.member.summary.strip()
        require(
            summary and len(summary) <= MAX_SUMMARY,
            f"The first line of the docstring of {self.spec!r} has {len(summary)} characters.",
            f"Write a docstring whose first line, of at most {MAX_SUMMARY} characters, says what it"
            " does: 'bnnbench list' shows it.",
        )

    def test_parameters_have_a_text(self) -> None:
        """The spec reads back what it writes, and defaults can be written in a spec."""
        spec, member = self.parsed, self.member
        canonical = member.canonical(spec)
        require(
            parse(str(canonical)) == canonical,
            f"{canonical} does not read back as itself.",
            "Use numbers, texts, booleans, none, tuples of these or specs as parameters.",
        )
        require(
            member.arguments(canonical.kwargs).items() <= member.arguments(spec.kwargs).items(),
            f"{canonical} sets other parameters than {spec}.",
            "Declare parameters with types that keep their values, such as int, float or str.",
        )

    def test_import_is_lazy(self) -> None:
        """Registering the plugin imports no solver library, so that listing stays quick."""
        member = self.member
        wanted = {m for name in self._requires for m in modules_of(name)} | LIBRARIES
        found = imported_at_registration(
            tuple(Path(p).resolve() for p in self.plugins),
            tuple(
                sorted(
                    p.distribution
                    for p in self.registry.plugins
                    if p.distribution != member.plugin and not Path(p.distribution).is_absolute()
                )
            ),
        )
        loaded = sorted(wanted & found)
        require(
            not loaded,
            f"Loading {member.plugin} imports {', '.join(loaded)}.",
            "Import it inside the method that needs it; 'if TYPE_CHECKING:' serves annotations.",
        )

    @property
    def _requires(self) -> tuple[str, ...]:
        return tuple(getattr(self.member.target, "requires", ()))


class ClassCase(Case):
    """What cases of classes with parameters share: solvers and formulations."""

    def test_parameters_are_fields(self) -> None:
        """It is a frozen dataclass: equal parameters, equal hash, and a repr that shows them."""
        first, second = self.subject, self.subject
        remedy = "Decorate the class with '@dataclass(frozen=True)' and make parameters its fields."
        parameters = self.member.parameters
        if not parameters and not dataclasses.is_dataclass(first):
            raise unittest.SkipTest("it has no parameters")
        require(first == second, f"Two instances of {self.spec!r} are not equal.", remedy)
        try:
            same = hash(first) == hash(second)
        except TypeError as error:
            raise BrokenRuleError(f"{self.spec!r} cannot be hashed: {error}.", remedy) from error
        require(same, f"Two instances of {self.spec!r} have different hashes.", remedy)
        hidden = [p.name for p in parameters if f"{p.name}=" not in repr(first)]
        require(not hidden, f"repr() does not show {', '.join(hidden)}: {first!r}.", remedy)

    def test_parameters_read_back(self) -> None:
        """Writing all of its parameters into a spec makes an equal instance."""
        subject = self.subject
        values = {p.name: getattr(subject, p.name, None) for p in self.member.parameters}
        try:
            spec = Spec.of(self.parsed.name, **values)
            again = self.member.make(parse(str(spec)))
        except SpecError as error:
            raise BrokenRuleError(
                f"The parameters {values} cannot be written as a spec: {error}",
                "Use numbers, texts, booleans, none, tuples of these or specs as parameters.",
            ) from error
        # a spec without parameters is its name, so texts are compared
        texts = [
            {p.name: _text(getattr(made, p.name, None)) for p in self.member.parameters}
            for made in (subject, again)
        ]
        require(
            texts[0] == texts[1],
            f"{spec} makes {again!r}, expected {subject!r}.",
            "Keep parameters as they are given; compute what follows from them where it is used.",
        )

    def test_pickles(self) -> None:
        """It survives pickling, as cells sent to other processes need."""
        subject = self.subject
        try:
            again = pickle.loads(pickle.dumps(subject))
        except Exception as error:
            raise BrokenRuleError(
                f"{subject!r} cannot be pickled: {type(error).__name__}: {error}.",
                "Define the class at the top of a module and keep libraries' objects out of it.",
            ) from error
        require(
            type(again) is type(subject) and (again == subject or not self.member.parameters),
            f"Pickled and read back, {subject!r} is {again!r}.",
            "Make all state of the class its dataclass fields.",
        )

    def test_requires_are_names(self) -> None:
        """`requires` and `preload` are tuples of names."""
        target = self.member.target
        for attribute in ("requires", "preload"):
            names = getattr(target, attribute, ())
            require(
                isinstance(names, tuple) and all(isinstance(n, str) and n for n in names),
                f"{attribute} is {names!r}.",
                f'Write a tuple of texts: {attribute} = ("highspy",), with the comma.',
            )


@dataclass(frozen=True)
class Verdict:
    """What became of one rule.

    Attributes:
        rule: name of the rule, the test method without ``test_``.
        says: the rule in words.
        outcome: whether it holds; ``skipped`` when that could not be judged.
        why: what happened; empty when it holds.
        remedy: what to do; empty unless it is broken.
    """

    rule: str
    says: str
    outcome: Literal["passed", "failed", "skipped"]
    why: str = ""
    remedy: str = ""


def verdicts(case: type[Case]) -> Iterator[Verdict]:
    """Check every rule of a case without pytest."""
    for name, method in inspect.getmembers(case, inspect.isfunction):
        if name.startswith("test_"):
            says = (inspect.getdoc(method) or "").split("\n\n")[0].replace("\n", " ")
            yield _verdict(name.removeprefix("test_"), says, getattr(case(), name))


def _verdict(rule: str, says: str, check: Callable[[], None]) -> Verdict:
    try:
        check()
    except unittest.SkipTest as reason:
        return Verdict(rule, says, "skipped", str(reason))
    except BrokenRuleError as broken:
        return Verdict(rule, says, "failed", broken.why, broken.remedy)
    except Exception as error:
        where = inspect.trace()[-1]
        return Verdict(
            rule,
            says,
            "failed",
            f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})",
            "Mend the exception; a method that cannot do what is asked says so by its reason.",
        )
    return Verdict(rule, says, "passed")


def _text(value: Any) -> str:
    return str(value) if isinstance(value, Spec) else format_value(value)


@lru_cache(maxsize=16)
def _registry(inline: tuple[Path, ...]) -> Registry:
    return Registry.load(inline)
