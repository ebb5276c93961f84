"""Other implementations of cyclical learning rates: for each an adapter with ``make``, and a TOML with its known deviations.

``python -m clr_ref.conformance.peers --markdown docs/PEERS.md --html docs/peers.html`` compares all of them with the
specification in one run. Every peer is installed from its package, and imported in a process of its own.
docs/CONFORMANCE.md says how to add one.
"""
