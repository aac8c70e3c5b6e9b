"""Creates a component from templates: ``plan`` collects its names and its API, ``writer`` writes its files.

``templates/component`` has the files of all components. Beside it, each kind of authentication has a folder, with
its own files in ``component`` and the pieces that it adds to other files in ``fragments``.
"""

from shipmate.tools.scaffold.plan import AUTHENTICATIONS, Plan, Question
from shipmate.tools.scaffold.writer import check_folder, create, next_steps

__all__ = ["AUTHENTICATIONS", "Plan", "Question", "check_folder", "create", "next_steps"]
