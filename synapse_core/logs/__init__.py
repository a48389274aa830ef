"""Text made safe: secrets redacted, control characters neutralised."""
