"""What `--mode=report` does: finished runs side by side, as the paper's tables and figures."""
