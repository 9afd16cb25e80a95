"""An Explanation as a sentence, as a terminal table, and as JSON."""

from .. import show
from .parting import Explanation


def verdict(e: Explanation) -> str:
    """One or two sentences."""
    apart = "the same to the last bit" if e.ulps == 0 else f"never more than {e.ulps:.3g} ulp apart"
    if e.verdict == "agree":
        return f"The runs agree: {e.steps} steps, every one within its bound; the parameters are {apart}."
    if e.verdict == "no promise":
        return f"The runs do not part, but nothing can be promised; the parameters are {apart}."
    if e.alike:
        return f"The runs agree with each other, and are both wrong from step {e.step} on, in the {e.stage}."
    whose = f"{' and '.join(e.culprits)} is off there" if len(e.culprits) == 1 else f"both are off: {e.culprits}"
    if len(e.culprits) != 1:
        whose = "both runs are off there" if e.culprits else "neither run alone is off there"
    return f"The runs part at step {e.step}, in the {e.stage}: {whose}."


def table(e: Explanation) -> show.Grid:
    """The stages of the step at which the runs part."""
    top = show.Grid(f"step {e.step}", "stage", "difference", "allowed", "", left=("",))
    for (stage, error, bound, _, outside, _), created in e.rows:
        origin = f"created by {' and '.join(created)}" if created else "inherited" if outside else "within"
        style = "bold red" if created and outside else "yellow" if outside else None
        top.add_row(stage, f"{error:.3g}", f"{bound:.3g}", origin, style=style)
    return top


def to_json(e: Explanation) -> str:
    """All of it. A number that is not finite is null."""
    stages = [
        {
            "stage": stage,
            "difference": error,
            "allowed": bound,
            "where": where,
            "outside": outside,
            "created_by": created,
        }
        for (stage, error, bound, where, outside, _), created in e.rows
    ]
    names = ("names", "verdict", "steps", "step", "stage", "culprits", "cause", "ulps")
    content = {name: getattr(e, name) for name in names} | {"stages": stages}
    return show.as_json(content)
