"""The conformance kit compares any implementation with docs/SPEC.md.

It reports whether the implementation is a cyclical learning rate, at which step it first goes wrong, and how accurate it is.
``clr-ref conform package.module:make`` and ``pytest --pyargs clr_ref.conformance --clr-impl package.module:make`` run the same
checks. docs/CONFORMANCE.md is the manual; ``protocol`` says what an implementation has to offer. Needs clr_ref[conformance].
"""
