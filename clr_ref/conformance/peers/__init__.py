"""Who else offers cyclical learning rates, each behind one small ``make`` and beside it the deviations that are known.

``python -m clr_ref.conformance.peers --markdown docs/PEERS.md --html docs/peers.html`` holds all of them against the
specification in one run. Every peer is installed from its package, and imported in a process of its own.
"""
