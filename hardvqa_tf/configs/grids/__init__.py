"""Grids: runs that `--mode=report --grid=NAME` trains one after another, and then compares."""
