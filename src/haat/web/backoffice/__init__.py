"""The back office: task screens over the same commands as the API."""
