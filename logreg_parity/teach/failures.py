"""What a framework's own error message means for a learner."""

import re

from ..language import Words

NEEDS_GRADIENT = Words(
    "nothing here is recorded for a gradient: take a copy of the parameters with .clone().requires_grad_(), and keep "
    ".item(), .detach() and NumPy out of the way."
)
ON_ARRAYS = Words("an if, and, or, max or min sees a whole array; take where, maximum or minimum, which go row by row.")
MATH_OF_ONE = Words(
    "a function of the math module or float() takes one number; take the framework's, which goes row by row."
)
SHAPES = Words("two arrays of different shapes meet; print both shapes just before this line.")
LABELS = Words(
    "the labels are turned to integers, which this loss does not take; leave y in floating point, as it came."
)
LOGITS = Words(
    "BCELoss takes probabilities, and these are logits: put σ before it, or take the form 'with logits' for logits."
)
CLASSES = Words("cross_entropy is for one column a class; with one probability a row take the binary one.")
NOTHING = Words("None is used as a value: something like backward(), append() or print() gives nothing back.")
MIXED = Words("a function of one library gets the arrays of another; stay with the one your function began with.")
IN_PLACE = Words(
    "a parameter that is recorded is changed in place; make a new one, or change it within torch.no_grad()."
)
FAILURES = (
    (r"all elements of (input|target) should be between 0 and 1|between 0 and 1", LOGITS),
    (
        r"cross_entropy|expected (scalar type|target dtype to be) Long|class probabilities"
        r"|Dimension out of range.*\[-1, 0\].*1",
        CLASSES,
    ),
    (
        r"dtype (Long|Int)|type Float can't be cast|(Long|Int) but expected|desired output type (Long|Int)"
        r"|[Ff]ound dtype|expected .*(Float|Double).* but (got|found) .*(Long|Int)",
        LABELS,
    ),
    (r"does not require grad|not have been used in the graph", NEEDS_GRADIENT),
    (
        r"implicitly created only for scalar|scalar-output",
        Words("only one number has a gradient; add the rows up first."),
    ),
    (
        r"backward through the graph a second time",
        Words("the same graph is walked back twice; compute the loss anew before every backward()."),
    ),
    (r"[Ll]eaf [Vv]ariable that requires grad|modified by an inplace operation", IN_PLACE),
    (
        r"immutable|item assignment",
        Words("JAX's arrays cannot be changed in place; make a new one, or take x.at[i].set(value)."),
    ),
    (
        r"numpy\(\) on Tensor that requires grad",
        Words("this tensor is recorded for a gradient; write .detach() before .numpy()."),
    ),
    (r"[Tt]ruth value of an array|Boolean value of Tensor|TracerBool", ON_ARRAYS),
    (
        r"Concretization|Tracer\w*Error|traced array",
        Words(
            "grad or jit sees a placeholder where a number is asked for; keep float(), .item(), if and NumPy out of "
            "the function."
        ),
    ),
    (r"length-1 arrays|size-1 arrays|0-dimensional arrays|only one element tensors|scalar", MATH_OF_ONE),
    (r"must be Tensor, not|numpy.ndarray' object has no attribute|expected np.ndarray|'ndarray' object has no", MIXED),
    (
        r"at least 1D|does not have enough dimensions",
        Words("@ and matmul want vectors or matrices, and one of these is a single number: multiply with *."),
    ),
    (
        r"broadcast|must match|[Ss]hapes? .*(mismatch|not aligned)|size mismatch|incompatible shapes|[Mm]atrix"
        r"|target size",
        SHAPES,
    ),
    (r"NoneType", NOTHING),
    (
        r"math range error|result out of range|OverflowError",
        Words("exp overflows: let it see no large positive number."),
    ),
    (r"'dict' object has no attribute", Words('theta is a dict: write theta["w"] and theta["b"].')),
    (r"KeyError", Words('the keys of theta are "w" and "b".')),
    (r"RecursionError", Words("it calls itself without end.")),
    (r"ZeroDivision", Words("it divides by zero.")),
    (
        r"NameError: name '(?P<name>\w+)'",
        Words("the name {name} is not known here: is it misspelt, or its import or its cell missing?"),
    ),
    (r"UnboundLocalError", Words("a variable is used before it has a value.")),
    (r"positional argument|unexpected keyword|required .*argument", Words("a call has too many or too few arguments.")),
    (r"has no attribute '(?P<name>\w+)'", Words("there is no {name} there: is it misspelt, or of another library?")),
    (
        r"string indices|indices must be|IndexError|invalid index|Too many indices|too many indices",
        Words("an index does not fit what it is applied to."),
    ),
    (
        r"float.* and .*str|can't multiply sequence|ufunc 'multiply'|unsupported operand",
        Words("a value has the wrong kind for this operation: print it just before this line."),
    ),
)


def meaning(error: BaseException) -> Words | None:
    """What an exception says in words of the lesson; None for one that is not known."""
    said = f"{type(error).__name__}: {error}"
    for pattern, words in FAILURES:
        if match := re.search(pattern, said):
            return Words(words.template, **{k: v for k, v in match.groupdict().items() if v})
    return None
