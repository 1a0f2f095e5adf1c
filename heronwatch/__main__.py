"""`python -m heronwatch` is the command `heronwatch`."""

import sys

from heronwatch.cli import main

sys.exit(main())
