"""The benchmark: all contenders in one run, in rounds, so that a machine that slows down slows all of them.

pytest-benchmark, which ``tests/benchmarks`` runs on the same contenders, measures one benchmark to its end before it starts the
next. A machine that is busy for a minute then makes one contender look slow. Here every round calls every contender once, and
ratios are taken within the round.
"""
