"""The command ``shipmate``, also as ``python -m shipmate``."""

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line of this process."""
    if sys.argv[1:] == ["run"]:  # without the parser: 9 ms of a container's start
        from shipmate import step

        step.main()
    from shipmate import cli

    cli.main()


if __name__ == "__main__":
    main()
