"""What clients can read by URI."""
