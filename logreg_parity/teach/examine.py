"""Put an exercise's questions to a function and say what its answers show, in words for the learner.

First whether it can be asked at all, then what it did to its arguments, the form of the answer, the numbers, the
derivative, and last the places where a textbook's formula breaks. The first fault found is the one that is named.
"""

import dis
import inspect
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from . import frameworks
from .answer import NotYet, Parts, check_shape, ratios, read, same, share, slopes
from .exercises import EXERCISES, LOSS, MODEL, Exercise
from .right import Wanted

DRAW = "initialize_linear_params"
"""The exercise whose answer is chance: there is nothing right to hold it to, only rules."""

CURE = "A textbook's formula can do no better; lesson 3 has one that can."
CONSTANTS = {"LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}
NAMES = (*EXERCISES, DRAW)


def examine(name: str, function: Callable) -> str:
    """Words of praise; raises NotYet with what is wrong, ValueError for a name that there is not."""
    if name not in NAMES:
        raise ValueError(f"there is no exercise {name!r}; give one of {', '.join(NAMES)}")
    if is_stub(function):
        raise NotYet("not written yet. Put your code in the place of the dots.")
    if not callable(function):
        raise NotYet(f"this is {function!r}; give the function itself, without calling it.")
    return _draws(function) if name == DRAW else Examination(EXERCISES[name], function).result()


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

    def _answers(self, side) -> bool:
        try:
            self._call(side, self.exercise.questions[0])
        except Exception:
            return False
        return True

    def _call(self, side, question: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
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

    def result(self) -> str:
        """Go through it all."""
        answers = [self.ask(question) for question in self.exercise.questions]
        wanted = [self.exercise.truth(**question) for question in self.exercise.questions]
        shares = [share(answer, right) for answer, right in zip(answers, wanted, strict=True)]
        if max(shares) > 1:
            raise NotYet(self._named(answers) or where(self.exercise.questions, answers, wanted))
        self._differentiate()
        spoken, used = frameworks.name_of(self.side), 100 * max(shares)
        words = f"right, in {spoken}: its largest error is {used:.0f} % of what rounding allows. {self._at_extremes()}"
        return words.rstrip()

    def ask(self, question: dict[str, Any]) -> Parts:
        """The parts of its answer; raises NotYet where it fails, changes its arguments, or gives another form."""
        try:
            returned, left = self._call(self.side, question)
        except Exception as error:
            raise NotYet(self._failure(question, error)) from error
        for name, value in left.items():
            if not same(value, question[name]):
                raise NotYet(f"it changes {name} in place, which belongs to the caller; work on a new value instead.")
        return read(returned, self.exercise.truth(**question).parts)

    def _failure(self, question: dict[str, Any], error: Exception) -> str:
        wanted, given = self.exercise.arguments, _parameters(self.function)
        if given != wanted and sorted(given) == sorted(wanted):
            return f"the order of the arguments is ({', '.join(given)}); it is called with ({', '.join(wanted)})."
        as_tuple = {k: (v["w"], v["b"]) if isinstance(v, dict) else v for k, v in question.items()}
        if any(isinstance(value, dict) for value in question.values()):
            try:
                self._call(self.side, as_tuple)
            except Exception:
                pass
            else:
                return 'it unpacks a dict, which gives its keys "w" and "b"; write theta["w"] and theta["b"].'
        said = (str(error).strip().splitlines() or [""])[0]
        return f"it stops with {type(error).__name__}: {said}"

    def _named(self, answers: list[Parts]) -> str | None:
        """The usual mistake that these are the answers of."""
        questions = self.exercise.questions
        if any(not same(self.ask(question), answer) for question, answer in zip(questions, answers, strict=True)):
            return "it is random: two calls with the same arguments differ."
        for mistake in self.exercise.mistakes:
            made = [mistake.answer(**question) for question in questions]
            if max(map(share, answers, made)) <= 1:
                return f"{mistake.words}."
        for one, other in combinations(self.exercise.arguments, 2):
            if self._right_with_exchanged(one, other):
                return f"the order of the arguments: {one} and {other} are in each other's place."
        kinds = {part.dtype.name for answer in answers for part in answer.values()} & {"float32", "float16"}
        return f"{' and '.join(kinds)} numbers come back where float64 went in; keep the dtype." if kinds else None

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

    def _differentiate(self) -> None:
        """Raises NotYet where the framework gets no derivative through it."""
        name, question = self.exercise.by, self.exercise.questions[0]
        if name is None or isinstance(self.side, frameworks.NumPy):
            return
        asked = question[name]
        value, whole = (
            (asked["w"], lambda w: {"w": w, "b": asked["b"]}) if isinstance(asked, dict) else (asked, lambda x: x)
        )

        def answer(variable):
            given = {MODEL: self.side.logistic_model, LOSS: self.side.logistic_loss}
            others = question | {name: whole(variable)}
            return self.function(
                *(given[v] if isinstance(v, str) else frameworks.place(self.side, v) for v in others.values())
            )

        try:
            with self.side.float64():
                slope = frameworks.take(self.side.slope(answer)(frameworks.place(self.side, value)))
        except Exception as error:
            raise NotYet(
                f"its values are right, but it cannot be differentiated by {name} ({type(error).__name__}): keep "
                "float(), .item(), .numpy() and NumPy's functions out of it."
            ) from error
        if not slope.any():
            raise NotYet(
                f"its values are right, but its derivative by {name} is 0: something detaches it (.detach(), .data, "
                "no_grad, stop_gradient, or a new array made of its values)."
            )

    def _at_extremes(self) -> str:
        """A remark, or raises NotYet, on what becomes of it where p rounds to 0 or 1."""
        e, words = self.exercise, []
        for question in e.extremes:
            answer, truth = self.ask(question), (e.at_extremes or e.truth)(**question)
            if not all(np.isfinite(part).all() for part in answer.values()):
                words.append(f"{e.cliff}.")
            elif share(answer, truth) > 1:
                words.append(
                    f"{where([question], [answer], [truth])} A guard (clip, clamp or + epsilon) hides the true size?"
                )
        if words and not e.survives:
            return f"Remark: far from 0 it breaks: {words[0]} {CURE}"
        if words:
            raise NotYet(f"right near 0, but far from 0 it breaks: {words[0]}")
        return "Far from 0 too." if e.extremes else ""


def where(questions: Sequence[dict[str, Any]], answers: list[Parts], wanted: list[Wanted]) -> str:
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
    words = f"{label or 'it'} gives {got:.10g} where {right:.10g} is right, for {told}."
    if 0 < abs(got - right) < abs(right) / 1000:
        words += " Only the last digits are lost: float32, a guard inside a logarithm, or a difference quotient?"
    return words


def _parameters(function: Callable) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # some compiled functions have none
        return []


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_shown(part)}" for key, part in value.items()) + "}"
    if np.ndim(value) == 0:
        return f"{float(value):g}"
    return np.array2string(value, precision=6, separator=", ", threshold=8).replace("\n", "")


def _draws(function: Callable) -> str:
    """The rules of the exercise whose answer is chance."""
    try:
        theta = frameworks.take(function())
    except Exception as error:
        raise NotYet(f"it stops with {type(error).__name__}: {error}. It is called without arguments.") from error
    slopes(theta, "theta")
    for name, part in theta.items():
        check_shape(name, np.shape(part), ())
        if not np.isfinite(part):
            raise NotYet(f"{name} is {part}; draw it from the standard normal distribution.")
    if theta["w"] == theta["b"]:
        raise NotYet(f"w and b are both {theta['w']:g}; draw each for itself.")
    return f"right: w = {theta['w']:g}, b = {theta['b']:g}."
