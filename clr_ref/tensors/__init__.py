"""The arithmetic of the reference, in tensors of every backend; ``clr_ref.keras`` uses it."""
