"""What reports say about questions and answers: the paper's tables and figures."""
