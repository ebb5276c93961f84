"""Mutation testing: does a test fail if the code is changed in one place? See ``__main__.py``."""
