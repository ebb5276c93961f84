"""The conformance kit: is this a cyclical learning rate, where does it first go wrong, and how accurate is it?

``clr-ref conform package.module:make`` and ``pytest --pyargs clr_ref.conformance --clr-impl package.module:make`` run the same
checks; docs/CONFORMANCE.md is the manual, ``protocol`` the contract. Needs clr_ref[conformance].
"""
