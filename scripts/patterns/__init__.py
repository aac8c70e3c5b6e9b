"""Proves that a regular expression costs linear time on every text.

Python's matcher backtracks: on failure it tries every other path. The cost of a text is the number of paths that start
anywhere the matcher may start, so it grows faster than the text if and only if an automaton of the pattern, with a loop
at its start for a search, has states p and q and a text w that leads from p to p, from p to q and from q to q
(or from q to q in two ways), where the attempt can still fail after q.

Source: Weber and Seidl, On the degree of ambiguity of finite automata (Theoretical Computer Science 88, 1991).
"""
