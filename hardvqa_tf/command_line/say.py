"""How the command line speaks."""

import os
import sys


def say(line):
    """Prints a line at once, also into a file or a pipe."""
    print(line, flush=True)


def say_if_heard(line):
    """The same; a full disk or a reader that is gone does not matter."""
    try:
        say(line)
    except OSError:
        point_at_nothing(sys.stdout.fileno())
        sys.stdout.flush()  # Else Python would try to write it when it ends.


def open_standard_streams():
    """Opens those of 0, 1 and 2 that are closed, lest another file gets the number.

    What is written to a file of such a number, by libraries as well, would end up in it. What
    a terminal cannot show, an answer in another script, say, is written as its escape.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            point_at_nothing(number)
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)
    sys.stdout.reconfigure(errors="backslashreplace")


def point_at_nothing(number):
    """Whatever is written to this descriptor from now on is lost."""
    nothing = os.open(os.devnull, os.O_RDWR)
    if nothing != number:
        os.dup2(nothing, number)
        os.close(nothing)
