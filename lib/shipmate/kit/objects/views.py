"""The fields of a function's entry in ``component.json``."""

from collections.abc import Mapping
from typing import Any

from shipmate.kit.objects.names import Names

Descriptor = dict[str, Any]


def entry(title: str, help_text: str, fields: Mapping[str, Descriptor], more: Descriptor) -> Descriptor:
    """Return an entry of ``component.json`` whose fields are in the given order."""
    ordered = {
        name: {**described, "order": max(90 - 10 * place, 1)} for place, (name, described) in enumerate(fields.items())
    }
    return {"title": title, "help": {"description": help_text}, **more, **({"fields": ordered} if ordered else {})}


def check_box(names: Names, label: str, note: str) -> Descriptor:
    """Return the field of a yes or no."""
    view: Descriptor = {"label": label, "viewClass": names.yes_no, "required": False, "note": note}
    if names.yes_no == "SelectView":
        view |= {"model": {"Yes": "Yes", "No": "No"}, "prompt": "No"}
    return view


def select(
    label: str, model: Mapping[str, str] | str, prompt: str, *, required: bool = False, **more: Any
) -> Descriptor:
    """Return the field of a choice; ``model`` is the name of a select model, or the choices and their labels."""
    choices = model if isinstance(model, str) else dict(model)
    return {"label": label, "viewClass": "SelectView", "required": required, "model": choices, "prompt": prompt, **more}


def text_field(label: str, placeholder: str, note: str) -> Descriptor:
    """Return the field of a short text."""
    return {
        "label": label, "viewClass": "TextFieldView", "required": False, "placeholder": placeholder, "note": note
    }  # fmt: skip
