"""``python -m bnnbench``."""

from bnnbench.cli import main

if __name__ == "__main__":
    main()
