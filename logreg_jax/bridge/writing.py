"""What writes a program's operations down while it runs.

Read beside ``logreg_torch/bridge/writing.py``.
"""

import re
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal

from logreg_parity.ports.recording import RecordedOperation, Recording

from .rules import _line, _subprograms
from .words import _translate

_INLINED = ("jit", "pjit", "closed_call", "core_call", "custom_jvp_call", "custom_vjp_call", "remat2", "checkpoint")


class _Walk:
    """Writes down what an interpreter meets; values are filled in when they are known."""

    def __init__(self) -> None:
        self.recording, self.values = Recording(), list[Any]()
        self.given, self.results = list[int](), list[int]()
        self.count, self.now = 0, RecordedOperation("", "", (), np.zeros(0))

    def all_values(self, closed: ClosedJaxpr, flat: list) -> list:
        """Every value, in the order of the recording."""
        self.__init__()  # type: ignore[misc]  # tracing may come twice
        self.given = [self.put(self.kind(x, "input"), "input", (), x) for x in flat]
        self.results = self.run(closed, self.given)
        return self.values

    def run(self, closed: ClosedJaxpr, given: list[int]) -> list[int]:
        """The places of a program's results."""
        jaxpr = closed.jaxpr
        env = {var: self.constant(value) for var, value in zip(jaxpr.constvars, closed.consts, strict=True)}
        env.update(zip(jaxpr.invars, given, strict=True))
        read = lambda v: self.constant(v.val) if isinstance(v, Literal) else env[v]  # noqa: E731
        for eqn in jaxpr.eqns:
            inside, name = _subprograms(eqn.params), eqn.primitive.name
            before, self.now = self.now, self.stand(eqn)
            places = [read(v) for v in eqn.invars]
            if name in _INLINED and inside:
                outs = self.run(inside[0], places)
            elif name == "scan":
                outs = self.unrolled(eqn, places)
            else:
                outs = _translate(self, eqn, name, places)
            self.now = before
            env.update(zip(eqn.outvars, outs, strict=True))
        return [read(v) for v in jaxpr.outvars]

    def unrolled(self, eqn: Any, places: list[int]) -> list[int]:
        """A loop, turn by turn."""
        p, fixed, held = eqn.params, eqn.params["num_consts"], eqn.params["num_carry"]
        consts, carry, rows = places[:fixed], places[fixed : fixed + held], places[fixed + held :]
        turns: list[list[int]] = []
        for k in reversed(range(p["length"])) if p["reverse"] else range(p["length"]):
            at = [self.move("slice", (x,), self.values[x][k], lambda arrays, k=k: arrays[0][k]) for x in rows]
            outs = self.run(p["jaxpr"], [*consts, *carry, *at])
            carry, made = outs[:held], outs[held:]
            turns.append(made)
        turns = turns[::-1] if p["reverse"] else turns
        columns = [tuple(column) for column in zip(*turns, strict=True)]
        stack = [self.move("stack", c, jnp.stack([self.values[x] for x in c]), np.stack) for c in columns]
        return [*carry, *stack]

    def kind(self, value: Any, word: str) -> str:
        """The word, for a real number; else it is given."""
        return word if jnp.issubdtype(jnp.result_type(value), jnp.floating) else "given"

    def constant(self, value: Any) -> int:
        """The place of a number written in the program."""
        return self.put(self.kind(value, "constant"), "constant", (), jnp.asarray(value))

    def move(self, name: str, inputs: tuple[int, ...], value: Any, apply: Any) -> int:
        """Numbers in other places."""
        real = self.kind(value, "move") == "move"
        return self.put("move" if real else "given", name, inputs if real else (), value, apply=apply)

    def put(self, word: str, name: str, inputs: tuple[int, ...], value: Any, **rest: Any) -> int:
        """A new operation, which stands where the present equation stands."""
        made = RecordedOperation(word, name, inputs, np.zeros(0), rest.pop("apply", None), rest)
        made.module, made.line, made.backward = self.now.module, self.now.line, self.now.backward
        made.whole, made.title = self.now.whole, self.now.title
        self.values.append(value)
        return self.recording.add(made)

    def stand(self, eqn: Any) -> RecordedOperation:
        """Where an equation stands."""
        self.count += 1
        title = eqn.params.get("name", eqn.primitive.name) if isinstance(eqn.params.get("name"), str) else ""
        title = title or (self.now.title if self.now.title in _LIBRARY else "") or eqn.primitive.name
        stack = str(eqn.source_info.name_stack)
        made = RecordedOperation("", "", (), np.zeros(0), whole=self.count, title=title)
        made.backward = self.now.backward or "transpose(" in stack
        module = re.sub(r"(transpose|jvp|vmap|jit|checkpoint|rematted_computation)\(|\)", "", stack).strip("/")
        made.module, made.line = module or self.now.module, _line(eqn) or self.now.line
        return made


_LIBRARY = ("gelu", "silu", "relu", "softmax", "log_softmax", "_var", "_std", "norm", "elu", "leaky_relu", "logsumexp")
