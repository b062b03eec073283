"""Runs a command on a pseudo-terminal: python3 terminal.py INTERRUPTIONS COMMAND...

Types Ctrl-C that many times once the terminal shows ` left`, and writes what the terminal received to standard output. Ends as the
command does.
"""

import os
import pty
import sys


def main() -> int:
    interruptions = int(sys.argv[1])
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[2], sys.argv[2:])
    shown = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
        if b" left" in shown:
            os.write(terminal, b"\x03" * interruptions)
            interruptions = 0
    sys.stdout.buffer.write(shown)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


sys.exit(main())
