"""Code as users write it: before and after the migration. Every sample constructs schedules when it is run."""

from __future__ import annotations

from typing import NamedTuple

HALF = "lambda x: 1 / (2.0 ** (x - 1))"


class Sample(NamedTuple):
    before: str
    after: str


SAMPLES = {
    "the tutorial": Sample(
        f"""\
import tensorflow_addons as tfa

clr = tfa.optimizers.CyclicalLearningRate(initial_learning_rate=1e-4,
    maximal_learning_rate=1e-2,
    scale_fn={HALF},  # tfa.optimizers.CyclicalLearningRate
    step_size=2 * 937
)
""",
        f"""\
import clr_ref.keras

clr = clr_ref.keras.CyclicalLearningRate(initial_learning_rate=1e-4,
    maximal_learning_rate=1e-2,
    scale_fn={HALF},  # tfa.optimizers.CyclicalLearningRate
    step_size=2 * 937
)
""",
    ),
    "something else of TFA": Sample(
        """\
import tensorflow_addons as tfa
rate = tfa.optimizers.Triangular2CyclicalLearningRate(1e-4, 1e-2, 50)
optimizer = tfa.optimizers.AdamW(weight_decay=1e-4, learning_rate=rate)
""",
        """\
import clr_ref.keras
import tensorflow_addons as tfa
rate = clr_ref.keras.Triangular2CyclicalLearningRate(1e-4, 1e-2, 50)
optimizer = tfa.optimizers.AdamW(weight_decay=1e-4, learning_rate=rate)
""",
    ),
    "classes by name": Sample(
        """\
from tensorflow_addons.optimizers import TriangularCyclicalLearningRate, ExponentialCyclicalLearningRate as Exponential
TriangularCyclicalLearningRate(1e-4, 1e-2, 50), Exponential(1e-4, 1e-2, 50, gamma=0.9)
""",
        """\
from clr_ref.keras import TriangularCyclicalLearningRate, ExponentialCyclicalLearningRate as Exponential
TriangularCyclicalLearningRate(1e-4, 1e-2, 50), Exponential(1e-4, 1e-2, 50, gamma=0.9)
""",
    ),
    "classes beside others, in brackets": Sample(
        """\
from tensorflow_addons.optimizers import (
    AdamW,  # decay
    TriangularCyclicalLearningRate,  # cycles
)
AdamW(TriangularCyclicalLearningRate(1e-4, 1e-2, 50))
""",
        """\
from clr_ref.keras import TriangularCyclicalLearningRate
from tensorflow_addons.optimizers import (
    AdamW,  # decay
)
AdamW(TriangularCyclicalLearningRate(1e-4, 1e-2, 50))
""",
    ),
    "classes beside others, in a line": Sample(
        """\
from tensorflow_addons.optimizers import TriangularCyclicalLearningRate as T, LazyAdam, Triangular2CyclicalLearningRate
LazyAdam(T(1e-4, 1e-2, 50)), Triangular2CyclicalLearningRate(1e-4, 1e-2, 50)
""",
        """\
from clr_ref.keras import TriangularCyclicalLearningRate as T, Triangular2CyclicalLearningRate
from tensorflow_addons.optimizers import LazyAdam
LazyAdam(T(1e-4, 1e-2, 50)), Triangular2CyclicalLearningRate(1e-4, 1e-2, 50)
""",
    ),
    "over two lines with a backslash": Sample(
        """\
from tensorflow_addons.optimizers import LazyAdam, \\
    TriangularCyclicalLearningRate
LazyAdam(TriangularCyclicalLearningRate(1e-4, 1e-2, 50))
""",
        """\
from clr_ref.keras import TriangularCyclicalLearningRate
from tensorflow_addons.optimizers import LazyAdam
LazyAdam(TriangularCyclicalLearningRate(1e-4, 1e-2, 50))
""",
    ),
    "the module of the classes": Sample(
        """\
from tensorflow_addons.optimizers import cyclical_learning_rate as cyclical
from tensorflow_addons.optimizers.cyclical_learning_rate import Triangular2CyclicalLearningRate
cyclical.TriangularCyclicalLearningRate(1e-4, 1e-2, 50), Triangular2CyclicalLearningRate(1e-4, 1e-2, 50)
""",
        """\
import clr_ref.keras
from clr_ref.keras import Triangular2CyclicalLearningRate
clr_ref.keras.TriangularCyclicalLearningRate(1e-4, 1e-2, 50), Triangular2CyclicalLearningRate(1e-4, 1e-2, 50)
""",
    ),
    "modules of optimizers": Sample(
        """\
import math, tensorflow_addons.optimizers as opt, json  # several
from tensorflow_addons import losses, optimizers
def make():
    return optimizers.TriangularCyclicalLearningRate(1e-4, opt.TriangularCyclicalLearningRate and 1e-2, 50), losses.GIoULoss()
make()
""",
        """\
import math, clr_ref.keras, json  # several
import clr_ref.keras
from tensorflow_addons import losses
def make():
    return clr_ref.keras.TriangularCyclicalLearningRate(1e-4, clr_ref.keras.TriangularCyclicalLearningRate and 1e-2, 50), \
losses.GIoULoss()
make()
""",
    ),
    "the full name": Sample(
        """\
import tensorflow_addons
import tensorflow_addons.optimizers
tensorflow_addons.optimizers.TriangularCyclicalLearningRate(1e-4, 1e-2, 50)
""",
        """\
import clr_ref.keras
import clr_ref.keras
clr_ref.keras.TriangularCyclicalLearningRate(1e-4, 1e-2, 50)
""",
    ),
    "inside a function, with tabs": Sample(
        """\
def make(tfa=None):
\t'''Not tfa.optimizers.TriangularCyclicalLearningRate of a module.'''
\timport tensorflow_addons as addons
\treturn addons.optimizers.TriangularCyclicalLearningRate(1e-4, 1e-2, 50)
make()
""",
        """\
def make(tfa=None):
\t'''Not tfa.optimizers.TriangularCyclicalLearningRate of a module.'''
\timport clr_ref.keras
\treturn clr_ref.keras.TriangularCyclicalLearningRate(1e-4, 1e-2, 50)
make()
""",
    ),
    "an import that may fail": Sample(
        """\
try:
    import tensorflow_addons as tfa
except ImportError:
    tfa = None
if tfa is not None:
    tfa.optimizers.TriangularCyclicalLearningRate(1e-4, 1e-2, 50)
""",
        """\
try:
    import clr_ref.keras
    import tensorflow_addons as tfa
except ImportError:
    tfa = None
if tfa is not None:
    clr_ref.keras.TriangularCyclicalLearningRate(1e-4, 1e-2, 50)
""",
    ),
    "statements in one line": Sample(
        """\
if True: import tensorflow_addons as tfa; x = tfa.optimizers.TriangularCyclicalLearningRate(1e-4, 1e-2, 50)
import json; from tensorflow_addons.optimizers import LazyAdam, Triangular2CyclicalLearningRate; LazyAdam(x)
tfa.optimizers.AdamW(Triangular2CyclicalLearningRate(1e-4, 1e-2, 50))
""",
        """\
if True: import clr_ref.keras; import tensorflow_addons as tfa; x = \
clr_ref.keras.TriangularCyclicalLearningRate(1e-4, 1e-2, 50)
import json; from clr_ref.keras import Triangular2CyclicalLearningRate; from tensorflow_addons.optimizers import LazyAdam; \
LazyAdam(x)
tfa.optimizers.AdamW(Triangular2CyclicalLearningRate(1e-4, 1e-2, 50))
""",
    ),
    "brackets and blanks inside the name": Sample(
        """\
import tensorflow_addons as tfa
(tfa
    .optimizers . TriangularCyclicalLearningRate)(1e-4, 1e-2, 50)
class Mine((tfa).optimizers.TriangularCyclicalLearningRate): pass
Mine(1e-4, 1e-2, 50)
""",
        """\
import clr_ref.keras
(clr_ref.keras . TriangularCyclicalLearningRate)(1e-4, 1e-2, 50)
class Mine(clr_ref.keras.TriangularCyclicalLearningRate): pass
Mine(1e-4, 1e-2, 50)
""",
    ),
    "a name of our package that is taken": Sample(
        """\
import tensorflow_addons as tfa
def make(clr_ref):
    return tfa.optimizers.TriangularCyclicalLearningRate(*clr_ref)
make([1e-4, 1e-2, 50])
""",
        """\
import clr_ref.keras as clr_ref_keras
def make(clr_ref):
    return clr_ref_keras.TriangularCyclicalLearningRate(*clr_ref)
make([1e-4, 1e-2, 50])
""",
    ),
    "a class that is bound twice": Sample(
        """\
try:
    from tensorflow_addons.optimizers import TriangularCyclicalLearningRate
except ImportError:
    from mine import TriangularCyclicalLearningRate
schedule = TriangularCyclicalLearningRate
schedule(1e-4, 1e-2, 50)
""",
        """\
try:
    from clr_ref.keras import TriangularCyclicalLearningRate
except ImportError:
    from mine import TriangularCyclicalLearningRate
schedule = TriangularCyclicalLearningRate
schedule(1e-4, 1e-2, 50)
""",
    ),
    "a name that others may import": Sample(
        """\
import tensorflow_addons as tfa
__all__ = ["tfa"]
tfa.optimizers.TriangularCyclicalLearningRate(1e-4, 1e-2, 50)
""",
        """\
import clr_ref.keras
import tensorflow_addons as tfa
__all__ = ["tfa"]
clr_ref.keras.TriangularCyclicalLearningRate(1e-4, 1e-2, 50)
""",
    ),
    "inside a class": Sample(
        """\
class Trainer:
    import tensorflow_addons as tfa
    rate = tfa.optimizers.TriangularCyclicalLearningRate(1e-4, 1e-2, 50)
    def optimizer(self):
        return self.tfa.optimizers.LazyAdam(self.rate)
Trainer().optimizer()
""",
        """\
class Trainer:
    import clr_ref.keras
    import tensorflow_addons as tfa
    rate = clr_ref.keras.TriangularCyclicalLearningRate(1e-4, 1e-2, 50)
    def optimizer(self):
        return self.tfa.optimizers.LazyAdam(self.rate)
Trainer().optimizer()
""",
    ),
}

#: Code that is left alone, and a part of what is said about it.
LEFT = {
    "another module of the same name": (
        "try:\n    import tensorflow_addons as tfa\nexcept ImportError:\n    import mine as tfa\n"
        "tfa.optimizers.CyclicalLearningRate\n",
        "tfa is also bound to something else",
    ),
    "a variable": (
        "import tensorflow_addons as tfa\no = tfa.optimizers\no.CyclicalLearningRate\n",
        "what stands before it may be TFA",
    ),
    "an argument": (
        "import tensorflow_addons as tfa\ndef f(tfa):\n    return tfa.optimizers.CyclicalLearningRate\n",
        "what stands before it may be TFA",
    ),
    "an import elsewhere": ("from setup import *\ntfa.optimizers.CyclicalLearningRate\n", "tfa is not imported in this file"),
    "a star": ("from tensorflow_addons.optimizers import *\nCyclicalLearningRate\n", "it may come from a star import"),
    "an import for another scope": (
        "def load():\n    global tfa\n    import tensorflow_addons as tfa\nload()\ntfa.optimizers.CyclicalLearningRate\n",
        "tfa is imported by a function for another scope",
    ),
    "an annotation in a string": (
        'import tensorflow_addons as tfa\nrate: "tfa.optimizers.CyclicalLearningRate"\n',
        "a string that is an annotation",
    ),
    "a name that is looked up": (
        "import tensorflow_addons as tfa\ngetattr(tfa.optimizers, 'CyclicalLearningRate')\n",
        "getattr looks it up",
    ),
    "a comment inside the name": (
        "import tensorflow_addons as tfa\n(tfa  # the addons\n.optimizers.CyclicalLearningRate)\n",
        "a comment stands inside the name",
    ),
}
