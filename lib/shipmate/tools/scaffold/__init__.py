"""A new component, written from templates: ``plan`` says what it is to be, ``folder`` writes it.

``templates/component`` is what all components have; beside it is a folder for each kind of authentication, with files
of its own in ``component`` and pieces of text for the others in ``fragments``.
"""

from shipmate.tools.scaffold.folder import check_folder, create, next_steps
from shipmate.tools.scaffold.plan import AUTHENTICATIONS, Plan, Question

__all__ = ["AUTHENTICATIONS", "Plan", "Question", "check_folder", "create", "next_steps"]
