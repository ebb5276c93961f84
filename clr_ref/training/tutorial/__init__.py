"""TFA's tutorial on cyclical learning rates, trained again, and its claims compared with what was measured.

from clr_ref.training import data, tutorial
result = tutorial.run(tutorial.setting(data.load(), epochs=4, subset=6400))
for claim in result.claims:
    print(claim.verdict, claim.claim, claim.measured)
"""

from clr_ref.training.tutorial.claim import Claim, claims
from clr_ref.training.tutorial.files import FILES, PICTURES, epochs_csv, markdown, page, steps_csv, to_json, write
from clr_ref.training.tutorial.runs import BATCH_SIZE, INITIAL, MAXIMAL, PLAIN, Result, Setting, run, setting, times_for

__all__ = [
    "BATCH_SIZE",
    "FILES",
    "INITIAL",
    "MAXIMAL",
    "PICTURES",
    "PLAIN",
    "Claim",
    "Result",
    "Setting",
    "claims",
    "epochs_csv",
    "markdown",
    "page",
    "run",
    "setting",
    "steps_csv",
    "times_for",
    "to_json",
    "write",
]


def __dir__() -> list[str]:
    return __all__
