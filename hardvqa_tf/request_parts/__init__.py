"""What requests to a server are made of, for the tasks whose models are served."""
