"""Whole flows on this machine: reads a flow file of the platform, checks it, and runs its steps.

Source: contract §3.
"""
