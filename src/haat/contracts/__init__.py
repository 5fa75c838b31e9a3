"""The only thing services know of each other: messages, domain errors, events and calls."""
