"""JSONata 1.8 as the platform evaluates it, on top of jsonata-python.

``evaluator`` evaluates within bounds and corrects operators, ``functions`` corrects functions, ``matching`` those that
take one of the regular expressions that ``patterns`` translates. ``texts`` writes numbers and values as JavaScript
does, ``values`` carries values in and out, ``analysis`` finds out what an expression needs, and ``problems`` words the
errors. The differences that remain are in docs/reference/flow.md.
"""
