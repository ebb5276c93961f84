"""What is known of TFA and of Keras: names, arguments, and which class of Keras 3 does the work of one of TFA."""

from __future__ import annotations

from typing import NamedTuple

TFA = "tensorflow_addons"
#: Our module with the four classes.
OURS = "clr_ref.keras"

_BOUNDS = ("initial_learning_rate", "maximal_learning_rate", "step_size")
#: The four classes, with their arguments in order.
ARGUMENTS = {
    "CyclicalLearningRate": (*_BOUNDS, "scale_fn", "scale_mode", "name"),
    "TriangularCyclicalLearningRate": (*_BOUNDS, "scale_mode", "name"),
    "Triangular2CyclicalLearningRate": (*_BOUNDS, "scale_mode", "name"),
    "ExponentialCyclicalLearningRate": (*_BOUNDS, "scale_mode", "gamma", "name"),
}
#: Where TFA has the four classes.
HOMES = (f"{TFA}.optimizers", f"{TFA}.optimizers.cyclical_learning_rate")


class Counterpart(NamedTuple):
    """What Keras 3 has instead of a name of TFA.

    Attributes:
        keras: a name in Keras, sometimes with arguments; None if Keras has none.
        note: what differs, or what comes near; may be empty.
    """

    keras: str | None
    note: str = ""

    def __str__(self) -> str:
        return (self.keras or "none") + (f" ({self.note})" if self.note else "")


NONE = Counterpart(None)
_DECAY = "Keras multiplies weight_decay by the learning rate, TFA does not"
_AVERAGES = "clr_ref.keras.AtCycleEnd averages at the ends of cycles"
_RECIPE = "docs/RECIPES.md has a callback"
_MEAN = "the loss of a batch is the mean; TFA's default is one loss for each sample"
_GELU = "approximate=False by default, True in TFA"

#: For each module of TFA, what Keras 3 has instead of each name in it.
COUNTERPARTS: dict[str, dict[str, Counterpart]] = {
    "optimizers": {
        "AdaBelief": NONE,
        "AdamW": Counterpart("keras.optimizers.AdamW", _DECAY),
        "AveragedOptimizerWrapper": NONE,
        "COCOB": NONE,
        "ConditionalGradient": NONE,
        "DecoupledWeightDecayExtension": Counterpart("keras.optimizers.Optimizer(weight_decay=...)", _DECAY),
        "KerasLegacyOptimizer": NONE,
        "LAMB": Counterpart(
            "keras.optimizers.Lamb", "epsilon is 1e-7 by default, 1e-6 in TFA; weight_decay does not change the trust ratio"
        ),
        "LazyAdam": Counterpart("keras.optimizers.Adam", "not lazy: each step changes all rows of an embedding"),
        "Lookahead": Counterpart(None, _RECIPE),
        "MovingAverage": Counterpart(
            "keras.optimizers.Optimizer(use_ema=True)",
            "an argument of every optimizer; averages as TFA does with start_step=1, and fit ends with the averages as weights",
        ),
        "MultiOptimizer": Counterpart(
            "keras.optimizers.MultiOptimizer", "newer than Keras 3.14; chooses by variable, not by layer"
        ),
        "NovoGrad": NONE,
        "ProximalAdagrad": NONE,
        "RectifiedAdam": Counterpart(None, "Adam with clr_ref.keras.WarmUp comes near"),
        "SGDW": Counterpart(
            "keras.optimizers.SGD(weight_decay=...)", f"{_DECAY}; learning_rate is 0.01 by default, 0.001 in TFA"
        ),
        "SWA": Counterpart(None, f"{_AVERAGES}; {_RECIPE}; keras.callbacks.SwapEMAWeights averages exponentially"),
        "Yogi": NONE,
        "extend_with_decoupled_weight_decay": Counterpart("keras.optimizers.Optimizer(weight_decay=...)", _DECAY),
    },
    "losses": {
        "ContrastiveLoss": NONE,
        "GIoULoss": NONE,
        "LiftedStructLoss": NONE,
        "NpairsLoss": NONE,
        "NpairsMultilabelLoss": NONE,
        "PinballLoss": NONE,
        "SigmoidFocalCrossEntropy": Counterpart("keras.losses.BinaryFocalCrossentropy(apply_class_balancing=True)", _MEAN),
        "SparsemaxLoss": NONE,
        "TripletHardLoss": NONE,
        "TripletSemiHardLoss": NONE,
        "WeightedKappaLoss": NONE,
        "contrastive_loss": NONE,
        "giou_loss": NONE,
        "lifted_struct_loss": NONE,
        "npairs_loss": NONE,
        "npairs_multilabel_loss": NONE,
        "pinball_loss": NONE,
        "sigmoid_focal_crossentropy": Counterpart("keras.losses.binary_focal_crossentropy(apply_class_balancing=True)"),
        "sparsemax_loss": NONE,
        "triplet_hard_loss": NONE,
        "triplet_semihard_loss": NONE,
    },
    "metrics": {
        "CohenKappa": NONE,
        "F1Score": Counterpart("keras.metrics.F1Score", "without num_classes"),
        "FBetaScore": Counterpart("keras.metrics.FBetaScore", "without num_classes"),
        "GeometricMean": NONE,
        "HammingLoss": NONE,
        "HarmonicMean": NONE,
        "KendallsTauB": NONE,
        "KendallsTauC": NONE,
        "MatthewsCorrelationCoefficient": NONE,
        "MeanMetricWrapper": Counterpart("keras.metrics.MeanMetricWrapper"),
        "MultiLabelConfusionMatrix": NONE,
        "PearsonsCorrelation": Counterpart("keras.metrics.PearsonCorrelation", "without cut points"),
        "RSquare": Counterpart("keras.metrics.R2Score", "multioutput is class_aggregation"),
        "SpearmansRank": NONE,
        "hamming_distance": NONE,
        "hamming_loss_fn": NONE,
    },
    "layers": {
        **{
            f"Adaptive{kind}Pooling{rank}D": Counterpart(f"keras.layers.Adaptive{kind}Pooling{rank}D", "newer than Keras 3.8")
            for kind in ("Average", "Max")
            for rank in (1, 2, 3)
        },
        "CRF": NONE,
        "CorrelationCost": NONE,
        "ESN": NONE,
        "EmbeddingBag": NONE,
        "FilterResponseNormalization": NONE,
        "GELU": Counterpart('keras.layers.Activation("gelu")', _GELU),
        "GroupNormalization": Counterpart("keras.layers.GroupNormalization"),
        "InstanceNormalization": Counterpart("keras.layers.GroupNormalization(groups=-1)"),
        "MaxUnpooling2D": NONE,
        "MaxUnpooling2DV2": NONE,
        "Maxout": NONE,
        "MultiHeadAttention": Counterpart("keras.layers.MultiHeadAttention", "other arguments"),
        "NoisyDense": NONE,
        "PoincareNormalize": NONE,
        "PolynomialCrossing": NONE,
        "Snake": NONE,
        "Sparsemax": Counterpart('keras.layers.Activation("sparsemax")'),
        "SpatialPyramidPooling2D": NONE,
        "SpectralNormalization": Counterpart("keras.layers.SpectralNormalization"),
        "StochasticDepth": NONE,
        "TLU": NONE,
        "WeightNormalization": NONE,
    },
    "activations": {
        "gelu": Counterpart("keras.activations.gelu", _GELU),
        "hardshrink": Counterpart("keras.activations.hard_shrink", "threshold instead of lower and upper"),
        "lisht": NONE,
        "mish": Counterpart("keras.activations.mish"),
        "rrelu": NONE,
        "snake": NONE,
        "softshrink": Counterpart("keras.activations.soft_shrink", "threshold instead of lower and upper"),
        "sparsemax": Counterpart("keras.activations.sparsemax"),
        "tanhshrink": Counterpart("keras.activations.tanh_shrink"),
    },
    "callbacks": {"AverageModelCheckpoint": NONE, "TQDMProgressBar": NONE, "TimeStopping": NONE},
    "rnn": dict.fromkeys(("ESNCell", "LayerNormLSTMCell", "LayerNormSimpleRNNCell", "NASCell", "PeepholeLSTMCell"), NONE),
}


def is_cyclical(name: str) -> bool:
    """Return whether a dotted name is one of TFA's four classes.

    >>> is_cyclical("tensorflow_addons.optimizers.CyclicalLearningRate")
    True
    """
    home, _, last = name.rpartition(".")
    return last in ARGUMENTS and home in HOMES


def known(name: str) -> tuple[str, Counterpart | None]:
    """Return a dotted name of TFA without what follows a class or function, and what Keras has instead.

    Args:
        name: a dotted name that begins with ``tensorflow_addons``.

    Returns:
        The name and its counterpart; None where this table does not know the name.

    >>> name, counterpart = known("tensorflow_addons.optimizers.weight_decay_optimizers.AdamW.apply_gradients")
    >>> name, counterpart.keras
    ('tensorflow_addons.optimizers.AdamW', 'keras.optimizers.AdamW')
    """
    parts = name.split(".")
    table = COUNTERPARTS.get(parts[1], {}) if len(parts) > 1 else {}
    for part in parts[2:]:
        if part in table:
            return f"{TFA}.{parts[1]}.{part}", table[part]
    return name, None
