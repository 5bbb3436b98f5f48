"""Tests of the table of configs."""
