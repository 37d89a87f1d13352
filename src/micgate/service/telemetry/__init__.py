"""What is counted and traced."""
