"""Runs a command on a pseudo-terminal: python3 terminal.py AWAITED TYPED COMMAND...

Types TYPED, in which \\x03 stands for Ctrl-C, once the terminal shows AWAITED, and writes what the terminal received to standard output. Ends as
the command does.
"""

import os
import pty
import sys


def main() -> int:
    awaited = sys.argv[1].encode()
    typed = sys.argv[2].encode().decode("unicode_escape").encode()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[3], sys.argv[3:])
    shown = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
        if awaited in shown:
            os.write(terminal, typed)
            typed = b""
    sys.stdout.buffer.write(shown)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


sys.exit(main())
