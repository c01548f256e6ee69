"""Start Score Explorer: the window without arguments, a headless command with them."""

import sys

from explorer.cli import main

if __name__ == "__main__":
    sys.exit(main())
