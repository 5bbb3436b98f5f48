"""What `--mode=report` says of localizers."""
