"""Seeded training that repeats bit for bit, with the data and the model of TFA's tutorial. Needs Keras on TensorFlow."""
