"""What any task's report is made of: runs and groups of them, texts, plots, and the page."""
