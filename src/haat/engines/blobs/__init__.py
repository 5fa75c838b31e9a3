"""Where files lie: a folder."""
