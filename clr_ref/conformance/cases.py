"""Fixed cases: bugs that real libraries had, tried in every run beside the random inputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from clr_ref.conformance.config import Config


@dataclasses.dataclass(frozen=True)
class FixedCase:
    """Steps at which one object of a config is evaluated, in this order; the clause that they test; and the reason."""

    id: str
    clause: str
    config: Config
    steps: tuple[int, ...]
    note: str


_POLICY_CLAUSES = {"triangular": "4.1", "triangular2": "4.2", "exp_range": "4.3"}


def fixed_cases(policy: str, dtype: str) -> Iterator[FixedCase]:
    """Yields the fixed cases of a policy, in the dtype in which its rates are compared."""

    def config(low: float, high: float, size: float, gamma: float = 0.999) -> Config:
        return Config(policy, low, high, size, gamma if policy == "exp_range" else 1.0, dtype)

    def case(name: str, clause: str, config: Config, steps: tuple[int, ...], note: str) -> FixedCase:
        return FixedCase(name, clause, config, steps, note)

    unit, everyday = config(0.0, 1.0, 4, 0.5), config(1e-4, 1e-2, 100)
    yield case("step-0", "3.2", config(1e-4, 1e-2, 937), (0,), "off by one at the very start")
    yield case("first-peak", "2.2", everyday, (99, 100, 101), "off by one at the peak")
    yield case("cycle-end", "2.1", everyday, (199, 200, 201, 399, 400, 401), "off by one between cycles")
    yield case("second-half", "2.2", everyday, (125, 150, 175), "ktrain: another base in the falling half")
    tutorial = tuple(range(0, 9370, 97))
    yield case("tutorial", "3.1", config(1e-4, 1e-2, 1874, 0.99994), tutorial, "ten epochs of TFA's tutorial")
    yield case("odd-step-size", "2.2", config(0.0, 1.0, 7, 0.9), tuple(range(30)), "a half cycle that has no middle")
    yield case("prime-step-size", "2.2", config(1e-3, 6e-3, 937), (936, 937, 938, 1873, 1874, 1875, 9369), "no power of two")
    yield case("step-size-1", "2.2", config(0.0, 1.0, 1, 0.5), tuple(range(8)), "only ends and peaks")
    huge = tuple(250_000_000 * eighth for eighth in range(9))
    yield case("huge-step-size", "1.2", config(1e-4, 1e-2, 10**9, 1.0), huge, "one half cycle longer than any training")
    yield case("fractional-step-size", "1.2", config(0.0, 1.0, 2.5, 0.9), tuple(range(25)), "a cycle that ends between steps")
    yield case("fractional-33.3", "1.2", config(1e-4, 1e-2, 33.3), (33, 34, 66, 67, 333, 666, 3330), "no binary fraction")
    for name, cycles in (("cycles-31-34", range(31, 35)), ("cycles-1024-1026", range(1024, 1027))):
        steps = tuple(8 * (cycle - 1) + into for cycle in cycles for into in (0, 1, 4, 7))
        yield case(
            name,
            _POLICY_CLAUSES[policy],
            unit,
            steps,
            "where powers of two overflow: int32, float32 shifts, float64 (PyTorch #52989)",
        )
    for power, size in ((24, 2**20), (31, 2**26), (53, 2**46)):
        steps = tuple(2**power + d for d in (-1, 0, 1, size, size // 2 + 1))
        far = config(0.0, 1.0, size, 1.0)
        yield case(f"near-2**{power}", "1.5", far, steps, "a float32, an int32 or a float64 step runs out here")
    yield case("inverted-bounds", "1.1", config(1e-2, 1e-4, 100), (0, 50, 100, 150, 200, 250), "initial above maximal")
    yield case("equal-bounds", "1.1", config(1e-2, 1e-2, 100), (0, 50, 100, 150, 200), "a constant rate")
    yield case("same-step-twice", "3.4", unit, (3, 3, 3, 0, 0), "an object that counts its calls")
    yield case("out-of-order", "3.4", unit, (9, 2, 30, 0, 7, 2), "an object that remembers where it was")
