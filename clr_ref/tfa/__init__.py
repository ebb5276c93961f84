"""What TFA computes: its formula replayed in eager mode and in graphs, and how far its rates can be from the exact ones."""
