"""``python -m shipmate`` is the command ``shipmate``."""

from shipmate.cli import main

if __name__ == "__main__":
    main()
