"""A debrepo that gets Ctrl-C where a given function is called.

As from a terminal: the signal goes to all processes of the group, helpers and gpg included.
The variable DEBREPO_TEST_SIGNAL names another signal to send.
Usage: ``interrupting.py MODULE:FUNCTION WORDS...``; ``MODULE:<module>`` is while it loads.
"""

import os
import signal
import sys
import threading

signal.signal(signal.SIGINT, signal.default_int_handler)  # it is off in the background
point, *words = sys.argv[1:]
module, _, function = point.partition(":")
sys.argv = ["debrepo", *words]


def interrupt(frame, event, _):
    """Send the signal, once."""
    code = frame.f_code
    if (
        event == "call"
        and code.co_qualname == function
        and frame.f_globals.get("__name__") == module
    ):
        threading.setprofile(None)
        sys.setprofile(None)
        os.killpg(0, signal.Signals[os.environ.get("DEBREPO_TEST_SIGNAL", "SIGINT")])


threading.setprofile(interrupt)
sys.setprofile(interrupt)

from debrepo.__main__ import main  # noqa: E402

main()
sys.exit("not reached: " + point)
