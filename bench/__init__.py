"""Measures the container's message loop, alternating with other runtimes on the same work."""
