"""Put an exercise's questions to a function and say what its answers show, in words for the learner.

First whether it can be asked at all, then what it did to its arguments, the form of the answer, the numbers, the
derivative, and last the places where a textbook's formula breaks. The first fault found is the one that is named.
"""

import dis
import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from ..language import Words, say
from . import frameworks, usual
from .answer import NOT_WRITTEN, NotYet, Parts, ratios, read, same, share
from .draws import examine_draws
from .exercises import EXERCISES, LOG_OF_ZERO, LOSS, MODEL, SUM_OVERFLOWS, Exercise
from .failures import meaning
from .mistakes import Mistake, Scale
from .right import Wanted
from .source import line_of, line_with

DRAW = "initialize_linear_params"
"""The exercise whose answer is chance: there is nothing right to hold it to, only rules."""

NAMES = (*EXERCISES, DRAW)
CONSTANTS = {"LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}
HALF_THE_DIGITS = 2.0**-26
"""How far a derivative may be off, for its size: rounding takes a few of float64's 53 bits, a part that is detached
takes nearly all, and between the two lies half of them."""
GUARDED = Words("Does a guard (clip, clamp or + epsilon) hide the true size?")


class Praise(NamedTuple):
    """What is said of a right answer, the framework that it speaks, and the share of what is allowed that it used."""

    words: tuple[Words, ...]
    framework: str | None = None
    share: float | None = None


def examine(name: str, function: Callable) -> Praise:
    """Praise; raises NotYet with what is wrong, ValueError for a name that there is not."""
    if name not in NAMES:
        raise ValueError(f"there is no exercise {name!r}; give one of {', '.join(NAMES)}")
    if is_stub(function):
        raise NotYet(NOT_WRITTEN)
    if not callable(function):
        raise NotYet(Words("this is {value}; give the function itself, without calling it.", value=repr(function)))
    return Praise(examine_draws(function)) if name == DRAW else Examination(EXERCISES[name], function).result()


def is_stub(function: Any) -> bool:
    """Whether it is ``...``, or a function with nothing in it but a docstring, ``...`` or ``pass``."""
    if not inspect.isfunction(function):
        return function is ...
    steps = list(dis.get_instructions(function))
    constants = {step.argval for step in steps if "CONST" in step.opname}
    return {s.opname for s in steps} <= {"RESUME", "NOP", *CONSTANTS} and constants <= {None, ...}


class Examination:
    """One function at one exercise, in the framework it speaks."""

    def __init__(self, exercise: Exercise, function: Callable):
        self.exercise, self.function = exercise, function
        names = frameworks.languages(function)
        self.side = next(filter(self._answers, map(frameworks.speak, names)), None) or frameworks.speak(names[0])

    def _answers(self, side: Any) -> bool:
        try:
            self._call(side, self.exercise.questions[0])
        except Exception:
            return False
        return True

    def _call(self, side: Any, question: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """What it returns, and its arguments as it leaves them, in NumPy."""
        handed = {MODEL: side.logistic_model, LOSS: side.logistic_loss}
        with side.float64():
            placed = [
                handed[value] if isinstance(value, str) else frameworks.place(side, value)
                for value in question.values()
            ]
            returned = frameworks.take(self.function(*placed))
            left = {
                key: frameworks.take(value)
                for key, value in zip(question, placed, strict=True)
                if isinstance(question[key], np.ndarray | dict)
            }
        return returned, left

    def result(self) -> Praise:
        """Go through it all."""
        answers = [self.ask(question) for question in self.exercise.questions]
        shares = [share(answer, right) for answer, right in zip(answers, self.wanted, strict=True)]
        if max(shares) > 1:
            raise self._named(answers) or NotYet(*where(self.exercise.questions, answers, self.wanted))
        self._differentiate()
        spoken, far = frameworks.name_of(self.side), self._at_extremes()
        words = Words(
            "right, in {framework}, for {domain}: its largest error is {used:.0f} % of what rounding allows.",
            framework=spoken,
            domain=Domain(self.exercise.questions),
            used=100 * max(shares),
        )
        return Praise((words, *far), spoken, max(shares))

    @cached_property
    def wanted(self) -> list[Wanted]:
        """The right answers."""
        return [self.exercise.truth(**question) for question in self.exercise.questions]

    def ask(self, question: dict[str, Any]) -> Parts:
        """The parts of its answer; raises NotYet where it fails, changes its arguments, or gives another form."""
        try:
            returned, left = self._call(self.side, question)
        except Exception as error:
            raise self._failure(question, error) from error
        for name, value in left.items():
            if not same(value, question[name]):
                clue = rf"\b{name}\b.*([-+*/]=|\]\s*=|_\(|out=)|[-+*/]="
                text = Words(
                    "it changes {name} in place, which belongs to the caller; work on a new value instead.", name=name
                )
                raise NotYet(text, line=line_with(self.function, clue))
        return read(returned, self.exercise.truth(**question).parts)

    def _failure(self, question: dict[str, Any], error: Exception) -> NotYet:
        if isinstance(error, NotImplementedError):
            return NotYet(NOT_WRITTEN)
        wanted, given = self.exercise.arguments, _parameters(self.function)
        names = {"given": ", ".join(given), "wanted": ", ".join(wanted)}
        if given != wanted and sorted(given) == sorted(wanted):
            return NotYet(Words("the order of the arguments is ({given}); it is called with ({wanted}).", **names))
        if not _takes(self.function, len(wanted)):
            return NotYet(Words("its arguments are ({given}); it is called with ({wanted}).", **names))
        as_tuple = {k: (v["w"], v["b"]) if isinstance(v, dict) else v for k, v in question.items()}
        if any(isinstance(value, dict) for value in question.values()):
            try:
                self._call(self.side, as_tuple)
            except Exception:
                pass
            else:
                return NotYet(
                    Words('it unpacks a dict, which gives its keys "w" and "b"; write theta["w"] and theta["b"].'),
                    line=line_of(self.function, error),
                )
        said = (str(error).strip().splitlines() or [""])[0]
        stops = Words("it stops with {kind}: {said}", kind=type(error).__name__, said=said)
        meant, line = meaning(error), line_of(self.function, error)
        return NotYet(meant, Words("({stops})", stops=stops), line=line) if meant else NotYet(stops, line=line)

    # -- the cause of wrong numbers ------------------------------------------------------------------------------------

    def _named(self, answers: list[Parts]) -> NotYet | None:
        """The usual mistake that these are the answers of."""
        questions = self.exercise.questions
        if any(not same(self.ask(question), answer) for question, answer in zip(questions, answers, strict=True)):
            clue = r"rand|normal|noise|PRNG|uniform"
            text = Words("it is random: two calls with the same arguments differ.")
            return NotYet(text, line=line_with(self.function, clue))
        for found, made in self._candidates():
            if max(map(share, answers, made)) <= 1:
                clues = [each.clue for each in found if each.clue]
                lines = filter(None, (line_with(self.function, clue) for clue in clues))
                also = [each.also for each in found if isinstance(each, Mistake) and each.also]
                return NotYet(*(each.words for each in found), *also, line=next(lines, None))
        for one, other in combinations(self.exercise.arguments, 2):
            if self._right_with_exchanged(one, other):
                return NotYet(
                    Words(
                        "the order of the arguments: {one} and {other} are in each other's place.", one=one, other=other
                    )
                )
        if unused := [name for name in self.exercise.arguments if self._does_not_use(name, answers)]:
            names = ", ".join(unused)
            return NotYet(Words("it does not use {names}: other values there give the same answer.", names=names))
        kinds = {part.dtype.name for answer in answers for part in answer.values()} & {"float32", "float16"}
        if kinds:
            line = line_with(self.function, r"float\b|float\(|float32|float16|half|astype|dtype")
            lower = " ".join(sorted(kinds))
            text = Words("{kinds} numbers come back where float64 went in; keep the dtype.", kinds=lower)
            return NotYet(text, line=line)
        return None

    def _candidates(self) -> Iterator[tuple[list[Mistake | Scale], list[Wanted]]]:
        """Answers that a mistake leads to: one alone, one with a factor, one with two; the likeliest first."""
        questions, scales = self.exercise.questions, self.exercise.scales
        kinds = [([m], [m.answer(**question) for question in questions]) for m in self.exercise.mistakes]
        bases: list[tuple[list[Mistake], list[Wanted]]] = [([], self.wanted), *kinds]
        factors: list[tuple[Scale, ...]] = [(), *((s,) for s in scales), *combinations(scales, 2)]
        for many in range(4):
            for chosen in factors:
                for found, made in bases:
                    if len(found) + len(chosen) == many and many:
                        yield [*found, *chosen], [_scaled(w, chosen, q) for w, q in zip(made, questions, strict=True)]

    def _right_with_exchanged(self, one: str, other: str) -> bool:
        for question in self.exercise.questions:
            try:
                returned, _ = self._call(self.side, question | {one: question[other], other: question[one]})
                right = self.exercise.truth(**question)
                if share(read(returned, right.parts), right) > 1:
                    return False
            except Exception:
                return False
        return True

    def _does_not_use(self, name: str, answers: list[Parts]) -> bool:
        """Whether other values of an argument, which change what is right, leave every answer as it is."""
        for question, answer in zip(self.exercise.questions, answers, strict=True):
            value = question[name]
            lost = any(np.isnan(part).any() for part in answer.values())  # nan is the same whatever goes in
            if isinstance(value, str) or name == "n_steps" or lost:
                return False
            try:
                returned, _ = self._call(self.side, question | {name: _other(value)})
                if not same(read(returned, answer), answer):
                    return False
            except Exception:
                return False
        return True

    # -- the derivative, and far from 0 --------------------------------------------------------------------------------

    def _derivative(self, question: dict[str, Any]) -> np.ndarray:
        name = self.exercise.by or ""
        asked = question[name]
        value, whole = (
            (asked["w"], lambda w: {"w": w, "b": asked["b"]}) if isinstance(asked, dict) else (asked, lambda x: x)
        )

        def answer(variable: Any) -> Any:
            given = {MODEL: self.side.logistic_model, LOSS: self.side.logistic_loss}
            others = question | {name: whole(variable)}
            return self.function(
                *(given[v] if isinstance(v, str) else frameworks.place(self.side, v) for v in others.values())
            )

        with self.side.float64():
            return frameworks.take(self.side.slope(answer)(frameworks.place(self.side, value)))

    def _differentiate(self) -> None:
        """Raises NotYet where the framework gets no derivative through it, or a wrong one."""
        name, question = self.exercise.by, self.exercise.questions[0]
        if name is None or self.exercise.slope is None or isinstance(self.side, frameworks.NumPy):
            return
        detached = r"detach|\.data\b|no_grad|stop_gradient|tensor\(|array\(|item\(|float\(|numpy|[a-z]_\("
        line = line_with(self.function, detached)
        try:
            found = self._derivative(question)
        except Exception as error:
            keep = Words("keep float(), .item(), .numpy() and NumPy's functions out of it.")
            text = Words(
                "its values are right, but it cannot be differentiated by {name}: {why}",
                name=name,
                why=meaning(error) or keep,
            )
            raise NotYet(text, line=line_of(self.function, error) or line) from error
        if not found.any():
            text = Words(
                "its values are right, but its derivative by {name} is 0: something detaches it (.detach(), .data, "
                "no_grad, stop_gradient, or a new array made of its values).",
                name=name,
            )
            raise NotYet(text, line=line)
        right = self.exercise.slope(**question)
        kink = question[name] == 0 if isinstance(question[name], np.ndarray) else False  # where max(x, 0) has two
        with np.errstate(invalid="ignore"):
            wrong = ~(np.abs(found - right) <= HALF_THE_DIGITS * np.maximum(np.abs(right), 1)) & ~np.asarray(kink)
        if np.any(wrong):
            text = Words(
                "its values are right, but its derivative by {name} is not: a part of it is detached (.detach(), "
                ".data, no_grad, stop_gradient, or a new array made of its values).",
                name=name,
            )
            raise NotYet(text, line=line)

    def _at_extremes(self) -> tuple[Words, ...]:
        """A remark, or raises NotYet, on what becomes of it where p rounds to 0 or 1."""
        e = self.exercise
        for question in e.extremes:
            try:
                answer = self.ask(question)
            except NotYet as failed:
                if not e.survives:
                    return (Words("Remark: far from 0 it breaks:"), *failed.words)
                raise NotYet(
                    Words("right near 0, but far from 0 it breaks:"), *failed.words, line=failed.line
                ) from failed
            truth = (e.at_extremes or e.truth)(**question)
            broken = self._broken(question, answer, truth)
            if broken and not e.survives:
                cure = Words("A textbook's formula can do no better; lesson 3 has one that can.")
                return (Words("Remark: far from 0 it breaks:"), *broken, cure)
            if broken:
                line = line_with(self.function, r"clip|clamp|softplus|e-\d|\bexp\(|\blog")
                raise _why(NotYet(Words("right near 0, but far from 0 it breaks:"), *broken, line=line), broken[0])
        if not e.extremes:
            return ()
        return (Words("Far out too, for {domain}.", domain=Domain(e.extremes)), *self._slope_far_out())

    def _broken(self, question: dict[str, Any], answer: Parts, truth: Wanted) -> tuple[Words, ...]:
        if not all(np.isfinite(part).all() for part in answer.values()):
            return (self._cliff(question, answer),)
        if share(answer, truth) <= 1:
            return ()
        if "z" in question and share(answer, usual.cut_softplus(**question)) <= 1:
            return (usual.SOFTPLUS_CUT,)
        return (*where([question], [answer], [truth]), GUARDED)

    def _cliff(self, question: dict[str, Any], answer: Parts) -> Words:
        """Why it is not finite: exp overflows beyond 709, and p has rounded to 1 from 37 on already."""
        if self.exercise.cliff is not LOG_OF_ZERO or "z" not in question:
            return self.exercise.cliff
        nearest = np.abs(question["z"][~np.isfinite(answer[""])]).min()
        return LOG_OF_ZERO if nearest < 700 else SUM_OVERFLOWS

    def _slope_far_out(self) -> tuple[Words, ...]:
        """A remark where the values are right and the derivative is not finite, as behind a where."""
        if self.exercise.slope is None or isinstance(self.side, frameworks.NumPy) or not self.exercise.survives:
            return ()
        try:
            finite = all(np.isfinite(self._derivative(question)).all() for question in self.exercise.extremes)
        except Exception:
            return ()
        text = Words(
            "Remark: its derivative is not finite there: where computes both branches, and the one that is not taken "
            "still gets a share of the derivative, 0 · inf; keep large numbers out of both."
        )
        return () if finite else (text,)


class Domain:
    """What was asked: the range of every argument."""

    def __init__(self, questions: Sequence[dict[str, Any]]):
        self.ranges: dict[str, list[float]] = {}
        for question in questions:
            for name, value in _flat(question):
                self.ranges.setdefault(name, []).extend(np.ravel(value).tolist())

    def __str__(self) -> str:
        parts = (
            say("{name} from {low:g} to {high:g}", name=n, low=min(v), high=max(v)) for n, v in self.ranges.items()
        )
        return say(", ").join(parts)


def _flat(question: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in question.items():
        if isinstance(value, dict):
            yield from value.items()
        elif not isinstance(value, str):
            yield name, value


def _other(value: Any) -> Any:
    """Another value of an argument: labels and chances in reverse order, so that they stay what they are."""
    if isinstance(value, dict):
        return {key: part / 2 + 0.1 for key, part in value.items()}
    chances = isinstance(value, np.ndarray) and value.min() >= 0 and value.max() <= 1
    return value[::-1].copy() if chances else value / 2 + 0.1


def _scaled(wanted: Wanted, scales: Sequence[Scale], question: dict[str, Any]) -> Wanted:
    for scale in scales:
        wanted = wanted.times(scale.factor(question))
    return wanted


def _why(failed: NotYet, cause: Words) -> NotYet:
    """The same, with another of its texts as the cause."""
    failed.cause = cause.template
    return failed


def where(questions: Sequence[dict[str, Any]], answers: list[Parts], wanted: list[Wanted]) -> tuple[Words, ...]:
    """The worst number, what it was asked for, and whether only its last digits are wrong."""
    _, number, name, place = max(
        (ratio, number, name, place)
        for number, (answer, truth) in enumerate(zip(answers, wanted, strict=True))
        for name, of_part in ratios(answer, truth).items()
        for place, ratio in np.ndenumerate(of_part)
    )
    got, right = float(answers[number][name][place]), float(wanted[number].parts[name][place])
    asked = {k: v for k, v in questions[number].items() if not isinstance(v, str)}
    if not name and place:  # a number a row: the row is enough
        asked = {k: v[place] if np.shape(v) == answers[number][name].shape else v for k, v in asked.items()}
    told = ", ".join(f"{key} = {_shown(value)}" for key, value in asked.items())
    label = name + "".join(f"[{i}]" for i in place)
    digits = next((n for n in (6, 10, 14) if f"{got:.{n}g}" != f"{right:.{n}g}"), 17)
    words = Words(
        "{what} gives {got} where {right} is right, for {asked}.",
        what=label or Words("it"),
        got=f"{got:.{digits}g}",
        right=f"{right:.{digits}g}",
        asked=told,
    )
    if fine := [
        k
        for k in answers[0]
        if k and all(share({k: a[k]}, w.part(k)) <= 1 for a, w in zip(answers, wanted, strict=True))
    ]:
        return words, Words("{names}: right.", names=", ".join(fine))
    if np.isnan(got):
        return words, Words("nan comes from the logarithm of a negative number, from 0 / 0 or from inf - inf.")
    if 0 < abs(got - right) < abs(right) / 1000:
        lost = Words("Only the last digits are lost: float32, a guard inside a logarithm, or a difference quotient?")
        return words, lost
    return (words,)


def _parameters(function: Callable) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # some compiled functions have none
        return []


def _takes(function: Callable, count: int) -> bool:
    """Whether it can be called with so many arguments; true where that is not known."""
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_shown(part)}" for key, part in value.items()) + "}"
    if np.ndim(value) == 0:
        return f"{float(value):g}"
    return np.array2string(value, precision=6, separator=", ", threshold=8).replace("\n", "")
