"""``python -m agcli`` is ``ag``."""

from agcli.cli import main

if __name__ == "__main__":
    main()
