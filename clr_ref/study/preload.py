"""What a worker of this machine does first: it ignores Ctrl-C, which a terminal sends to every process of a command.

The command itself ends its workers, in order.
"""

from __future__ import annotations

import signal
import threading

if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
