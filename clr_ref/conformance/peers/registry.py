"""The peers: what each is called, where its adapter is, and how it is asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent


@dataclasses.dataclass(frozen=True)
class Peer:
    """One implementation under test.

    ``module`` and ``make`` name the adapter within this package, ``package`` the distribution that it comes from, and ``file``
    its exceptions file. ``max_examples``: fewer for those that are slow to ask.
    """

    name: str
    package: str
    module: str
    make: str
    file: str
    max_examples: int = 60
    bugs: bool = True

    @property
    def implementation(self) -> str:
        """As ``clr-ref conform`` takes it."""
        return f"clr_ref.conformance.peers.{self.module}:{self.make}"

    @property
    def exceptions(self) -> Path:
        """Where its known deviations are."""
        return HERE / self.file


@dataclasses.dataclass(frozen=True)
class Bug:
    """Something that users met.

    ``probe`` tries it, and answers what was seen in a few words, or nothing where it does not show. ``fixed`` names the version
    that no longer has it; it is empty while the bug has to show.
    """

    title: str
    link: str
    probe: Callable[[], str]
    fixed: str = ""


PEERS: tuple[Peer, ...] = (
    Peer("clr_ref", "clr-ref", "reference", "make", "reference.toml"),
    Peer("clr_ref float64", "clr-ref", "reference", "make_float64", "reference.toml", bugs=False),
    Peer("clr_ref.keras exact", "tensorflow-cpu", "keras_drop_in", "make", "keras_drop_in.toml", 6),
    Peer("clr_ref.keras tfa", "tensorflow-cpu", "keras_drop_in", "make_tfa", "keras_drop_in_tfa.toml", 4, bugs=False),
    Peer("lrsched", "lrsched", "lrsched_functions", "make", "lrsched_functions.toml"),
    Peer("torch CyclicLR", "torch", "torch_cyclic", "make", "torch_cyclic.toml", 20),
    Peer("paddle CyclicLR", "paddlepaddle", "paddle_cyclic", "make", "paddle_cyclic.toml", 12),
    Peer("ignite Linear", "pytorch-ignite", "ignite_linear", "make", "ignite_linear.toml", 12),
    Peer("optax joined", "optax", "optax_joined", "make", "optax_joined.toml", 6),
    Peer("ktrain CyclicLR", "ktrain", "ktrain_callback", "make", "ktrain_callback.toml", 20),
    Peer("TFA eager", "tensorflow-addons", "tfa", "make", "tfa.toml", 6),
    Peer("TFA scale_fn", "tensorflow-addons", "tfa", "make_scale_fn", "tfa_scale_fn.toml", 4, bugs=False),
    Peer("TFA function", "tensorflow-addons", "tfa", "make_function", "tfa_function.toml", 4, bugs=False),
    Peer("TFA XLA", "tensorflow-addons", "tfa", "make_xla", "tfa_xla.toml", 4, bugs=False),
)
