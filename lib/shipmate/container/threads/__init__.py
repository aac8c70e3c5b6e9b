"""The threads of a container: one of them, the leader, does the I/O of the transport, and all process messages.

``workers`` are the threads; ``pace``, ``clocks`` and ``thread_limit`` tell them whether functions wait, and how many
messages to process at once. ``inflight`` counts the messages that are not settled.
"""
