"""Creates a component from templates: ``plan`` collects its names and its API, ``writer`` writes its files.

``port`` reads the descriptor of a component in another language, whose functions are then to be written.

``templates/component`` has the files of all components. Beside it, each kind of authentication has a folder, with
its own files in ``component`` and the pieces that it adds to other files in ``fragments``.
"""

from shipmate.tools.scaffold.plan import AUTHENTICATIONS, Plan, Question
from shipmate.tools.scaffold.port import Port
from shipmate.tools.scaffold.writer import check_folder, create, create_port, next_steps, next_steps_of_port

__all__ = [
    "AUTHENTICATIONS",
    "Plan",
    "Port",
    "Question",
    "check_folder",
    "create",
    "create_port",
    "next_steps",
    "next_steps_of_port",
]
