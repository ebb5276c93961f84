"""Traces of training: every tensor of every step as a digest, and where two of them part (docs/TRACES.md)."""
