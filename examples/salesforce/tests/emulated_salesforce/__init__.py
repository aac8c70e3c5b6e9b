"""A Salesforce on this machine: a real HTTP server that answers in the documented shapes, errors included."""

from emulated_salesforce.server import EmulatedSalesforce

__all__ = ["EmulatedSalesforce"]
