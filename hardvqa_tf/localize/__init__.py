"""The task `localize`: all instances of what a person drew, as boxes with scores."""
