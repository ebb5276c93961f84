"""Steps at which TFA's error comes close to its bound, in each regime. They were searched for among millions."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from clr_ref import CyclicalLearningRate, exp_range, policies, tfa_arithmetic, triangular, triangular2
from clr_ref.tfa import eager, graphs


@dataclasses.dataclass(frozen=True)
class Pin:
    """A step whose error is at least ``share`` of the bound. ``replay`` is the release whose graph is replayed.

    Without one, in a graph mode, the graph is that of TF 2.1 on a CPU without fused operations, which has the largest errors.
    """

    regime: str
    schedule: CyclicalLearningRate
    step: int
    share: float
    mode: Any = "eager"
    replay: tuple[int, int] | None = None
    array: bool = True
    flush: Any = "never"
    step_dtype: Any = None

    def rate(self) -> Any:
        steps = np.full(8, self.step)  # the elements of whole vectors have errors of their own
        if self.mode == "eager":
            return eager.evaluate(self.schedule, steps, step_dtype=self.step_dtype, flush=self.flush)[0]
        step_dtype = self.step_dtype or self.schedule.dtype
        if self.replay is None:
            return without_fused_operations(self.schedule, np.dtype(step_dtype).type(self.step))
        return graphs.evaluate(
            self.schedule, steps, mode=self.mode, tensorflow=self.replay, array=self.array, step_dtype=step_dtype
        )[0]

    def bound(self) -> float:
        return float(tfa_arithmetic.error_bound(self.schedule, self.step, mode=self.mode, step_dtype=self.step_dtype))


def without_fused_operations(schedule: CyclicalLearningRate, step: Any) -> Any:
    kind = np.dtype(schedule.dtype).type
    maximal, step_size = (kind(number) for number in eager.detoured(schedule))
    initial, one, reciprocal = kind(schedule.initial_learning_rate), kind(1), kind(1) / step_size
    t = kind(step)
    cycle = np.floor(one + t * (reciprocal / kind(2)))
    height = np.maximum(kind(0), one - np.abs((t * reciprocal + one) - kind(2) * cycle))
    scale = one / kind(2) ** (cycle - one) if schedule.scale_fn == policies.Triangular2() else one
    return initial + (maximal - initial) * height * scale


PINS = [
    Pin("beyond 2^24", triangular(0.0, 1.0, 7937197), 31_761_271, 0.998, step_dtype="int64"),
    Pin("beyond 2^24", exp_range(0.0, 1.0, 1000, gamma=0.9999997615814209), 66_123_333, 0.986, step_dtype="python int"),
    Pin("beyond 2^24", exp_range(0.0, 1.0, 4194304, gamma=0.9999980926513672), 16_777_289, 0.499, step_dtype="python int"),
    # Rounded to float32, the step lies in the cycle before, whose amplitude is twice as large.
    Pin("beyond 2^24, cycle before", triangular2(0.0, 1.0, 14558491), 1_135_562_299, 0.562),
    Pin("end of cycle 1", triangular(0.0, 1.0, 5595975), 11_191_949, 0.428),
    Pin("end of cycle 2", triangular(0.0, 1.0, 2801161), 11_204_643, 0.598),
    Pin("end of cycle 2", triangular2(0.0, 1.0, 2803149), 11_212_595, 0.598),
    Pin("end of cycle 1", triangular(0.0, 1.0, 3007302605974150, dtype="float64"), 6_014_605_211_948_299, 0.427),
    Pin("end of cycle 2", triangular(0.0, 1.0, 1502766722471577, dtype="float64"), 6_011_066_889_886_307, 0.599),
    Pin("end of cycle 2", triangular2(0.0, 1.0, 1501654545950064, dtype="float64"), 6_006_618_183_800_255, 0.599),
    Pin("large step_size", triangular(0.0, 1.0, 3.885179e18), 7_803_744_328_414_045_365, 0.976),
    Pin("small step_size", CyclicalLearningRate(0.0, 1.0, 6.559169e-08, policies.ExpRange(1 - 2.0**-24), "cycle"), 4, 0.999),
    Pin("sum, negative", triangular(-1.0, -1.0000019, 128), 4, 1 - 2.0**-18),
    Pin(
        "maximal through float32",
        triangular2(0.7576139729202078, 0.7532910862739252, 225, dtype="float64"),
        673,
        1 - 2.0**-27,
    ),
    Pin("beyond 2^24", triangular(0.0, 0.4551974985872431, 308825, dtype="float64"), 19_875_192, 1 - 2.0**-25),
    Pin("cycle 1", triangular(0.0, 0.087539636, 6890), 1, 0.989),
    Pin("first peak", triangular(0.21842977, 0.9710781, 930968.94), 930_968, 0.43),
    Pin("later cycle", triangular(0.0, 0.33333334, 93703), 192_424_860, 0.997),
    Pin("beside an end", triangular(0.00035355438, 0.028417056, 3667.9792), 1_885_341, 0.975),
    Pin("cycle 1", triangular2(0.0, 0.33333334, 2495), 3, 0.99),
    Pin("first peak", triangular2(0.006279662, 0.79334766, 1.8025184), 1, 0.491),
    Pin("later cycle", triangular2(0.0, 0.57936585, 44264), 709_025, 0.994),
    Pin("beside an end", triangular2(0.0071894294, 0.2006513, 838335), 3_353_341, 0.977),
    Pin("beyond 2^24", triangular(0.0, 1.0, 62.110905), 32_567_816, 0.998),
    Pin("beyond 2^24, cycle 1", triangular(0.0, 0.0413537, 13385590), 26_780_059, 0.997),
    Pin("height lost", triangular(0.0, 1.0, 3), 101_127_981, 1 - 2.0**-19),
    Pin("sum", triangular(1.0, 1.0000019, 128), 4, 1 - 2.0**-18),
    Pin("cycle 1", triangular(0.008028516, 0.03562718, 712), 3, 0.567, mode="function", replay=(2, 1)),
    Pin("first peak", triangular(0.034826085, 0.42089516, 32668), 32668, 0.365, mode="function", replay=(2, 1)),
    Pin("later cycle", triangular(0.0, 0.33333334, 500605), 1_083_158_721, 0.665, mode="function", replay=(2, 1)),
    Pin("beside an end", triangular(0.0, 0.33333334, 457522.03), 14_640_703, 0.559, mode="function", replay=(2, 1)),
    Pin("cycle 1", triangular2(0.0034730632, 0.41769537, 79509), 24598, 0.555, mode="function", replay=(2, 15)),
    Pin("first peak", triangular2(0.0, 0.25231656, 12458), 12458, 0.22, mode="function", replay=(2, 1)),
    Pin("later cycle", triangular2(0.0039096014, 0.025531894, 262144), 7_614_162, 0.958, mode="function", replay=(2, 1)),
    Pin("beside an end", triangular2(0.0, 1.0, 242733), 3_883_729, 0.548, mode="function", replay=(2, 1)),
    Pin("cycle 1", triangular(0.0, 0.45498565, 673), 1, 0.99, mode="xla"),
    Pin("first peak", triangular(0.0404723, 0.7869716, 17.056484), 17, 0.37, mode="xla"),
    Pin("later cycle", triangular(0.0, 1.0, 504), 1_031_994, 0.761, mode="xla"),
    Pin("beside an end", triangular(0.0, 0.33333334, 30682), 8_345_506, 0.541, mode="xla"),
    Pin("cycle 1", triangular2(0.0, 0.94092166, 4338), 2, 0.996, mode="xla"),
    Pin("first peak", triangular2(0.0, 0.33333334, 193.4842), 193, 0.29, mode="xla"),
    Pin("later cycle", triangular2(0.13135262, 0.5896144, 274.71667), 7758, 0.929, mode="xla"),
    Pin("beside an end", triangular2(0.0, 0.25182274, 928574), 7_428_590, 0.474, mode="xla", replay=(2, 1)),
    Pin("gamma rounded", exp_range(0.0, 1.0, 845, gamma=0.9975356193368718), 28057, 0.999),
    Pin("gamma kept", exp_range(0.0, 0.5569137, 282.19064, gamma=0.9995176616416054), 2258, 0.96, step_dtype="python int"),
    Pin("gamma a float32", exp_range(0.004492544, 0.9343844, 276, gamma=0.9996459484100342), 1, 0.954),
    Pin("gamma a float32, peak", exp_range(0.038545355, 0.20403908, 302, gamma=0.9655452966690063), 302, 0.552),
    Pin(
        "cycle, beside an end",
        CyclicalLearningRate(0.0, 0.33333334, 595.0951, policies.ExpRange(0.459974858409506), "cycle"),
        24994,
        0.474,
    ),
    Pin("cycle", CyclicalLearningRate(0.0, 0.33333334, 51.225204, policies.ExpRange(0.856706200229626), "cycle"), 820, 0.993),
    Pin("beyond 2^24", exp_range(0.0, 0.080691054, 6, gamma=0.9999999383078724), 75_803_412, 1 - 2.0**-19),
    Pin(
        "beyond 2^24",
        exp_range(0.0, 0.3333333432674408, 241.9609375, gamma=0.9999996423721313, dtype="float64"),
        33_511_349,
        1 - 2.0**-31,
        step_dtype="float32",
    ),
    Pin(
        "power function",
        exp_range(0.0, 0.74472946, 1012.40497, gamma=0.9998573822327609),
        33393,
        0.993,
        mode="function",
        replay=(2, 1),
    ),
    Pin(
        "power exact function",
        exp_range(0.00420942, 0.18990724, 512, gamma=0.9710814356803894),
        502,
        0.923,
        mode="function",
        replay=(2, 1),
    ),
    Pin(
        "power xla", exp_range(0.028977757, 0.66844106, 773, gamma=0.9999351800008672), 30103, 0.993, mode="xla", replay=(2, 1)
    ),
    Pin("power exact xla", exp_range(0.0, 0.43990803, 712, gamma=0.9943265914916992), 2, 0.962, mode="xla", replay=(2, 4)),
    Pin("cycle 1", triangular(0.0, 0.3333333432674408, 87719, dtype="float64"), 18, 0.992),
    Pin("later cycle", triangular(0.10887887554808917, 0.9124826788902283, 6532, dtype="float64"), 418_585, 0.99),
    Pin("cycle 1", triangular2(0.0, 0.18967339396476746, 21645, dtype="float64"), 54, 0.991),
    Pin("later cycle", triangular2(0.0, 0.4571278393268585, 66326, dtype="float64"), 132_722, 0.986),
    Pin("maximal through float32", triangular(0.514945618128169, 0.5269504016518131, 881, dtype="float64"), 548, 1 - 2.0**-30),
    Pin("step_size through float32", triangular(0.0, 1.0, 1.0603762321679409, dtype="float64"), 17, 1 - 2.0**-33),
    Pin("beyond 2^24", triangular(0.0, 1.0, 2, dtype="float64"), 40_266_158, 1 - 2.0**-39, step_dtype="float32"),
    Pin("height lost", triangular(0.0, 1.0, 1, dtype="float64"), 37_438_245_527_583_561, 1 - 2.0**-39),
    Pin(
        "cycle 1",
        triangular(0.25865704070200635, 0.2612226605415344, 2716, dtype="float64"),
        247,
        0.95,
        mode="function",
        replay=(2, 1),
    ),
    Pin(
        "later cycle",
        triangular(0.28169371674648536, 0.29123327136039734, 6391, dtype="float64"),
        53688,
        0.604,
        mode="function",
        replay=(2, 1),
    ),
    Pin(
        "cycle 1",
        triangular2(0.646813627258347, 0.6443116068840027, 34460, dtype="float64"),
        4103,
        0.764,
        mode="function",
        replay=(2, 1),
    ),
    Pin("later cycle", triangular2(0.5753995421883161, 1.0, 1, dtype="float64"), 29, 0.83, mode="function", replay=(2, 1)),
    Pin(
        "maximal through float32",
        triangular(0.34189507956594367, 0.34487031262413426, 270, dtype="float64"),
        230,
        1 - 2.0**-29,
        mode="function",
        replay=(2, 1),
    ),
    Pin(
        "step_size through float32",
        triangular(0.0, 1.0, 8320.010225646496, dtype="float64"),
        280_626,
        1 - 2.0**-27,
        mode="function",
        replay=(2, 1),
    ),
    Pin(
        "beyond 2^24",
        triangular(0.0, 1.0, 1, dtype="float64"),
        18_197_191,
        1 - 2.0**-39,
        mode="function",
        replay=(2, 1),
        step_dtype="float32",
    ),
    Pin(
        "height lost",
        triangular(0.0, 1.0, 1, dtype="float64"),
        36_491_720_657_284_370,
        1 - 2.0**-39,
        mode="function",
        replay=(2, 1),
    ),
    Pin("cycle 1", triangular(0.0, 0.7296249270439148, 9234, dtype="float64"), 12, 0.992, mode="xla"),
    Pin("later cycle", triangular(0.8854464955472482, 0.09779537469148636, 63, dtype="float64"), 2014, 0.636, mode="xla"),
    Pin("cycle 1", triangular2(0.0, 0.09953827410936356, 91511, dtype="float64"), 60, 0.986, mode="xla"),
    Pin("later cycle", triangular2(0.6174658713087466, 0.6255525946617126, 24852, dtype="float64"), 113_866, 0.772, mode="xla"),
    Pin(
        "maximal through float32",
        triangular(0.5595738868206077, 0.5364265725108432, 17608, dtype="float64"),
        6888,
        1 - 2.0**-29,
        mode="xla",
    ),
    Pin("step_size through float32", triangular(0.0, 1.0, 25.174683602703244, dtype="float64"), 796, 1 - 2.0**-28, mode="xla"),
    Pin("beyond 2^24", triangular(0.0, 1.0, 2, dtype="float64"), 33_587_006, 1 - 2.0**-39, mode="xla", step_dtype="float32"),
    Pin("height lost", triangular(0.0, 1.0, 1, dtype="float64"), 36_535_411_415_449_026, 1 - 2.0**-39, mode="xla"),
    Pin("flushed bounds", triangular(1.4231975e-38, -8.802574e-39, 15), 12, 0.522, flush="everywhere"),
    Pin("flushed, large scale", exp_range(1.6131831e-37, 1.7306214e-37, 1, gamma=1.25), 5, 0.333, flush="everywhere"),
    Pin("flushed, large amplitude", triangular2(0.0, 1.1099654, 3), 758, 0.222, flush="everywhere"),
    Pin("flushed, large amplitude", exp_range(0.0, 479925240000.0, 3, gamma=0.8522588014602661), 385, 0.654),
    Pin("flushed bounds", triangular(1.3076692e-38, -9.690127e-39, 16), 14, 0.564, mode="function", replay=(2, 1)),
    Pin(
        "flushed, large scale", exp_range(2.0615602e-38, 3.2365673e-38, 1, gamma=1.25), 1, 0.333, mode="function", replay=(2, 1)
    ),
    Pin("flushed, large amplitude", triangular2(0.0, 195270660000.0, 3), 759, 0.333, mode="function", replay=(2, 15)),
    Pin(
        "flushed, large amplitude",
        exp_range(0.0, 650828160.0, 3, gamma=0.8889077305793762),
        385,
        0.439,
        mode="function",
        replay=(2, 1),
    ),
    Pin("flushed bounds", triangular(2.2627761e-38, 1.1302541e-38, 8), 4, 0.481, mode="xla", replay=(2, 1)),
    Pin("flushed, large scale", exp_range(1.9118576e-37, 2.0293994e-37, 1, gamma=2.0), 3, 0.333, mode="xla", replay=(2, 1)),
    Pin("flushed, large amplitude", triangular2(0.0, 190663580000000.0, 3), 759, 0.333, mode="xla", replay=(2, 4), array=False),
    Pin(
        "flushed, large amplitude",
        exp_range(0.0, 68168184.0, 3, gamma=0.8986455202102661),
        382,
        0.443,
        mode="xla",
        replay=(2, 1),
    ),
    Pin("falling", triangular(0.94292045, 0.093968965, 115), 59, 0.751),
    Pin("falling", triangular(0.9929287296383249, 0.07169768959283829, 13, dtype="float64"), 6, 0.667),
    Pin("falling", triangular(0.5831865, 0.07365296, 95), 96, 0.506, mode="function", replay=(2, 1)),
    Pin(
        "falling",
        triangular(0.9265026718510934, 0.01709764078259468, 3, dtype="float64"),
        1,
        0.437,
        mode="function",
        replay=(2, 1),
    ),
    Pin("falling", triangular(0.6393029, 0.03475699, 237), 243, 0.844, mode="xla"),
    Pin("falling", triangular(0.7633183379217081, 0.003160247579216957, 123, dtype="float64"), 140, 0.689, mode="xla"),
    Pin(
        "many cycles too many",
        CyclicalLearningRate(0.0, 1.0, 1, policies.ExpRange(0.9999995231628418), "cycle"),
        71_341_193,
        0.999993,
    ),
    Pin(
        "many cycles too many",
        CyclicalLearningRate(0.0, 1.0, 1, policies.ExpRange(0.9999995231628418), "cycle", dtype="float64"),
        68_191_879,
        1 - 2.0**-19,
        step_dtype="float32",
    ),
    Pin("end of cycle 1", triangular(0.0, 0.48041308, 11203707), 22_407_411, 0.528),
    Pin("end of cycle 2", triangular(0.0, 1.0, 5601614.5), 22_406_455, 0.691),
    Pin("end of cycle 100", triangular(0.0, 0.52778184, 7320289), 1_464_057_800, 0.482),
    Pin("end of cycle 1", triangular2(0.0, 0.30841628, 11186232), 22_372_462, 0.428),
    Pin("end of cycle 2", triangular2(0.0, 1.0, 1398534.6), 5_594_138, 0.599),
    Pin("end of cycle 1", triangular(0.0, 0.44616976, 8675423), 17_350_843, 0.448, mode="xla"),
    Pin("end of cycle 2", triangular(0.0, 1.0, 3661806.2), 14_647_223, 0.482, mode="xla"),
    Pin("end of cycle 100", triangular(0.0, 0.11082729, 7948072), 1_589_614_400, 0.342, mode="xla", replay=(2, 4)),
    Pin("end of cycle 1", triangular2(0.0, 0.9649452, 16380116), 32_760_229, 0.181, mode="xla"),
    Pin("end of cycle 2", triangular2(0.0, 0.56311685, 8099296), 32_397_181, 0.202, mode="xla"),
    Pin("end of cycle 1", triangular(0.0, 0.38958648, 9188553), 18_377_103, 0.427, mode="function", replay=(2, 1)),
    Pin("end of cycle 2", triangular(0.0, 1.0, 4807104.5), 19_228_415, 0.465, mode="function", replay=(2, 1)),
    Pin("end of cycle 100", triangular(0.0, 0.4428202, 7321728), 1_464_345_600, 0.318, mode="function", replay=(2, 1)),
    Pin("end of cycle 1", triangular2(0.0, 0.46625268, 9172265), 18_344_527, 0.176, mode="function", replay=(2, 1)),
    Pin("end of cycle 2", triangular2(0.0, 1.0, 7910405), 31_641_623, 0.198, mode="function", replay=(2, 1)),
    Pin("end of cycle 1", triangular(0.0, 1.0, 6014525233915689.0, dtype="float64"), 12_029_050_467_831_375, 0.528),
    Pin("end of cycle 2", triangular(0.0, 1.0, 3002769827509827.0, dtype="float64"), 12_011_079_310_039_306, 0.599),
    Pin("end of cycle 100", triangular(0.0, 1.0, 547431293670175.0, dtype="float64"), 109_486_258_734_035_005, 0.384),
    Pin("end of cycle 1", triangular2(0.0, 1.0, 6011382139430920.0, dtype="float64"), 12_022_764_278_861_838, 0.428),
    Pin("end of cycle 2", triangular2(0.0, 1.0, 3007896083274483.0, dtype="float64"), 12_031_584_333_097_930, 0.598),
    Pin("end of cycle 1", triangular(0.0, 1.0, 4657853931106555.0, dtype="float64"), 9_315_707_862_213_107, 0.448, mode="xla"),
    Pin("end of cycle 2", triangular(0.0, 1.0, 4491013279443264.0, dtype="float64"), 17_964_053_117_773_053, 0.475, mode="xla"),
    Pin(
        "end of cycle 100",
        triangular(0.0, 1.0, 1880458449328432.0, dtype="float64"),
        376_091_689_865_686_400,
        0.318,
        mode="xla",
    ),
    Pin(
        "end of cycle 1", triangular2(0.0, 1.0, 8792025623059316.0, dtype="float64"), 17_584_051_246_118_629, 0.181, mode="xla"
    ),
    Pin(
        "end of cycle 2", triangular2(0.0, 1.0, 4501809720688509.0, dtype="float64"), 18_007_238_882_754_033, 0.208, mode="xla"
    ),
    Pin(
        "end of cycle 1",
        triangular(0.0, 1.0, 4719101202915821.0, dtype="float64"),
        9_438_202_405_831_639,
        0.443,
        mode="function",
        replay=(2, 1),
    ),
    Pin(
        "end of cycle 2",
        triangular(0.0, 1.0, 1998699982441724.0, dtype="float64"),
        7_994_799_929_766_894,
        0.474,
        mode="function",
        replay=(2, 1),
    ),
    Pin(
        "end of cycle 100",
        triangular(0.0, 1.0, 3645267056284848.0, dtype="float64"),
        729_053_411_256_969_600,
        0.318,
        mode="function",
        replay=(2, 1),
    ),
    Pin(
        "end of cycle 1",
        triangular2(0.0, 1.0, 5331310763056219.0, dtype="float64"),
        10_662_621_526_112_435,
        0.166,
        mode="function",
        replay=(2, 1),
    ),
    Pin(
        "end of cycle 2",
        triangular2(0.0, 1.0, 4164907963064728.0, dtype="float64"),
        16_659_631_852_258_915,
        0.194,
        mode="function",
        replay=(2, 1),
    ),
    Pin("end of cycle 2", CyclicalLearningRate(0.0, 0.5554542, 5602595, policies.ExpRange(0.5001), "cycle"), 22_410_378, 0.598),
    Pin("end of cycle 2", CyclicalLearningRate(0.0, 0.618041, 5599163.5, policies.ExpRange(0.1), "cycle"), 22_396_652, 0.599),
    Pin("end of cycle 2", CyclicalLearningRate(0.0, 0.48511654, 5601495, policies.ExpRange(1.9), "cycle"), 22_405_978, 0.599),
]
