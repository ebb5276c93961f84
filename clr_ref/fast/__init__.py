"""The rates quickly: float64 arithmetic with a proven error, then exact arithmetic for the steps that it cannot decide.

Every result is correctly rounded. For float32, fewer than one step in a million needs exact arithmetic
(docs/ROUNDING.md). Only ``schedule`` uses it.
"""
