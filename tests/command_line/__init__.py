"""Tests of the modes, as users call them."""
