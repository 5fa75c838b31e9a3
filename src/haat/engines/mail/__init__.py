"""The way out for letters: nowhere (they stay in the mailbox), or a mail server."""
