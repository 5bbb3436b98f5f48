"""What a user types: the flags (flags.py), and a small file for each mode.

    main.py ► program.py ► build.py, train.py, evaluate.py, predict.py, export.py, ...

A mode's `run` imports what it needs when it runs, so that `--help` answers at once.
"""
