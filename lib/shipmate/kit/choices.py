"""The choices of a select model, as a person sees them."""

from collections.abc import Mapping


def by_label(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the choices of a select model in the order of their labels; a label is followed by its value.

    An API may give two objects or fields one label.

    >>> by_label({"Invoice__c": "Account", "Account": "Account", "Lead": "Lead"})
    {'Account': 'Account', 'Invoice__c': 'Account (Invoice__c)', 'Lead': 'Lead'}

    Args:
        labels: The values of the choices, such as names of objects, and their labels.
    """
    ordered = sorted(labels.items(), key=lambda each: (each[1].lower(), each[0]))
    return {value: label if label == value else f"{label} ({value})" for value, label in ordered}
