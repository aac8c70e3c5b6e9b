"""JSONata 1.8 as the platform evaluates it, on top of jsonata-python.

``evaluator`` evaluates within bounds and corrects operators, ``functions`` corrects functions, ``patterns`` translates
regular expressions, ``texts`` writes numbers and values as JavaScript does, ``values`` carries values in and out, and
``problems`` words the errors. The differences that remain are in docs/reference/flow.md.
"""
