"""When a solver may stop: a gradient as small as asked and a proof of the gap, or a proof that there is no optimum."""

import math

import numpy as np

from ..data.history import Fit, Status
from ..truth.certificate import Certificate
from ..truth.columns import extreme, obstacles
from ..truth.infinite import mirrored
from ..truth.recount import Recount
from ..truth.reference import flatten
from ..truth.separation import EXACT_SIZE, counted_rows, directions, separation
from ..truth.ulp import round_dataset
from .exact import ExactBlocks, inner
from .objective import Objective, Point

PATIENCE = 30  # points without a proof, though the gradient is as small as asked

CONVERGED = "the gradient and the proved gap are as small as asked"
ONE_CLASS = "all labels are the same, and the bias is never penalised"
SEPARABLE = "the data are {}, so the loss falls for ever along a direction; give l2 > 0"
DIVERGED = "the objective or its gradient is not finite"
UNPROVED = "the gradient is as small as asked, but no optimum is proved"
CAUSES = {  # where no column is found that is in the way
    DIVERGED: "scale the features",
    UNPROVED: "columns of X differ in size beyond float64, or the data are separable; scale them, or give l2 > 0",
}
COLUMNS = 5  # that are named at most
WIDE = "the gradient is as small as asked, but the proved gap is not; allow more iterations"
WRONG = "the passes do not add up the rows that came: {}; do not use this fit, and report it to who made the twin"
UNFINISHED = "the solver ended before the gradient was as small as asked; allow more iterations or another solver"


class Stop:
    """Looks at every point of a solver; once true, it knows the status and the reason."""

    def __init__(self, objective: Objective, tolerance: float):
        self._objective, self._tolerance = objective, tolerance
        self.target = tolerance * float(np.linalg.norm(objective.gradient_at_zero))
        self.iterations = self._unproved = 0
        self._here: Point | None = None
        self._certificate: Certificate | None = None
        self._own: Recount | None = None
        self.status: Status = "not converged"
        self._reason, self._exactly = (
            UNFINISHED,
            "",
        )  # how exact arithmetic has separated the rows themselves, if it has

    def one_class(self) -> bool:
        """Whether there is no optimum because all rows that count have the same label."""
        least, largest = self._objective.blocks.labels
        if self._objective.blocks.intercept and least == largest and least in (0, 1):
            self.status, self._reason = "no finite optimum", ONE_CLASS
        return self._reason == ONE_CLASS

    def __call__(self, here: Point) -> bool:
        """Whether this point is the last."""
        self._here, self._own, self.iterations = here, None, self.iterations + 1
        if not (np.isfinite(here.value) and np.isfinite(here.gradient).all()):
            self.status, self._reason = "diverged", DIVERGED
        elif here.arithmetic == "float64" and self._small(here):
            self._prove(here)
        return self.status != "not converged" or self._unproved == PATIENCE

    def fit(self, solver: str, more: int = 0) -> Fit:
        """What is known of the last point, in the user's units, for the reduction asked for.

        What is proved is proved once more from the rows as they came: the passes have no part in it. more: so many
        steps of Newton's method at most go on from a converged point, with the gradients of the rows.
        """
        objective, here = self._objective, self._here
        if here is None or here.arithmetic != "float64":
            theta = np.zeros(len(objective.gradient_at_zero)) if here is None else here.theta
            here = objective.at(theta)
        theta, value, slope = here.theta / objective.unit, here.value, here.gradient * objective.unit
        scale, proof = objective.scale, self._certificate
        if proof is not None or self.status in ("no finite optimum", "wrong sums"):
            own = self._own or objective.recount(here)
            proof = self._proved(here, own)
            if proof is not None and self.status == "converged":
                own, proof = self._last_digits(own, proof, more)
            if not isinstance(objective.blocks, ExactBlocks):  # of which the sums are the same for everybody
                theta, value, slope = own.theta, own.value, own.gradient
                scale = own.total_weight if scale != 1 else 1.0
        distance = np.full(len(theta), np.inf) if proof is None else proof.distance
        return Fit(
            parameters=objective.parameters(theta),
            status=self.status,
            reason=self._said(),
            solver=solver,
            dtype=objective.blocks.dtype,
            objective=scale * value,
            gradient_norm=scale * math.sqrt(inner(slope, slope)),
            gap=np.inf if proof is None else scale * proof.gap,
            distance=flatten(objective.parameters(distance)),
            iterations=self.iterations,
            passes=objective.passes,
        )

    def _last_digits(self, own: Recount, proof: Certificate, most: int) -> tuple[Recount, Certificate]:
        """Newton's steps from a point to where rounding is all that is left, and the proof there.

        Where a step leaves no more than rounding, what is proved of the point after it needs no look at the rows. Else
        it leaves some square of what there was, of the gap the fourth power, or it has met rounding.
        """
        for _ in range(most):
            after, there = proof.after, own.theta + proof.step
            if after is not None and after.final:
                if after.gap >= proof.gap:
                    break
                self.iterations += 1
                return self._objective.recounted(there, wide=False), proof._replace(
                    gap=after.gap, distance=after.distance
                )
            new = self._objective.recounted(there)
            found = new.certificate()
            if found is None or found.gap >= proof.gap:
                break
            self.iterations += 1
            own, proof = new, found
        return own, proof

    def _said(self) -> str:
        """The reason, with the columns that are in the way."""
        blocks = self._objective.blocks
        if self._reason not in CAUSES:
            return self._reason
        dataset = blocks.dataset
        found = extreme(dataset) if self._reason == DIVERGED else []
        found = found or obstacles(dataset, l2=self._objective.l2, intercept=blocks.intercept)
        more = [f"and so on, {len(found)} columns in all"] * (len(found) > COLUMNS)
        return f"{self._reason}: {'; '.join([*found[:COLUMNS], *more]) or CAUSES[self._reason]}"

    def _proved(self, here: Point, own: Recount) -> Certificate | None:
        """The proof by the rows themselves; the status is what they bear out."""
        checked = own is self._own and self.status != "wrong sums"  # when it was looked at first
        wrong = "" if checked else self._objective.contradiction(here, own)
        if self.status == "no finite optimum":
            borne_out = own.one_class if self._reason == ONE_CLASS else bool(self._exactly) or own.all_right
            wrong = wrong or ("" if borne_out else "by the passes there is no optimum, and by the rows that is not so")
        if wrong:
            self.status, self._reason = "wrong sums", WRONG.format(wrong)
            return None
        proof = self._certificate
        if proof is not None and own is not self._own:
            proof = own.certificate()
        if self.status == "converged" and not (proof is not None and proof.gap <= self._tolerance * own.value):
            self.status, self._reason = "not converged", WIDE
        return proof

    def _small(self, here: Point) -> bool:
        """Whether the gradient is as small as asked, or nothing but rounding."""
        size = math.hypot(*here.gradient)
        return size <= self.target or self._objective.is_rounding(here, size)

    def _prove(self, here: Point) -> None:
        objective, self._reason = self._objective, UNPROVED
        self._unproved += 1
        if objective.small:  # where there are more rows, some of them prove as much
            self._own = objective.recount(here)
            if objective.contradiction(here, self._own):
                self.status = "wrong sums"
                return
            self._certificate = self._own.certificate()
        else:
            self._certificate = objective.certify(here)
        if self._certificate is not None:
            self._reason = WIDE
            if self._certificate.gap <= self._tolerance * here.value:
                self.status, self._reason = "converged", CONVERGED
        elif objective.l2 == 0 and not _all_right(objective, here):
            self._exactly = _separated(objective) if self._unproved == 1 else ""
        if self._certificate is None and objective.l2 == 0 and (self._exactly or _all_right(objective, here)):
            self.status, self._reason = "no finite optimum", SEPARABLE.format(self._exactly or "separable")


def _all_right(objective: Objective, here: Point) -> bool:
    """Whether the loss is too small for a single row on the wrong side, of which each costs ω log 2 or more.

    Then θ itself separates all rows. A factor of 2 is left for rounding: see ``truth/certificate.py``.
    """
    dataset = counted_rows(objective.blocks.dataset)
    weight = np.ones(dataset.n_rows) if dataset.sample_weight is None else dataset.sample_weight
    return bool(2 * here.value * objective.blocks.total_weight < np.log(2) * weight.min())


def _separated(objective: Objective) -> str:
    """How a direction that a linear program proposes separates the rows, exactly; "" where none does or it is too much.

    And where not all rows are at hand: a sample may be separable and the whole not.
    """
    dataset = objective.blocks.dataset
    if dataset.n_rows < objective.blocks.n_rows or dataset.X.size + dataset.n_rows > EXACT_SIZE:
        return ""
    rows = counted_rows(round_dataset(dataset, objective.blocks.dtype))
    rows = rows if objective.blocks.intercept else mirrored(rows)
    return next(filter(None, (separation(rows, direction) for direction in directions(rows, objective.l2))), "")
