"""The reference's arithmetic in the tensors of any backend, for ``clr_ref.keras``."""
