"""Seeded training that repeats bit for bit, on the data and the model of the TFA tutorial. Needs a Keras."""
