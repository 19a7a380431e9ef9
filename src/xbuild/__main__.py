"""`python -m xbuild`."""

import sys

from xbuild.cli.main import main

sys.exit(main())
