"""How the command line speaks."""


def say(line):
    """Prints a line at once, also into a file or a pipe."""
    print(line, flush=True)
