"""What tools answer: structured content and equal text."""
