"""What fills a running system through its HTTP API: job postings from a file, and a demonstration."""
