"""Benchmark of the container's message loop against other runtimes, which do the same work in turn."""
