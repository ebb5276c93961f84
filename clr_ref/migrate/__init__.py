"""Rewrites code that uses TFA's cyclical learning rates to ``clr_ref.keras``. Needs clr-ref[migrate]."""
