"""TFA's rates: its formula replayed in eager mode and in graphs, and bounds on its error."""
