"""Effects, and what becomes of them: notifications, and mail that is queued, rendered and sent."""
