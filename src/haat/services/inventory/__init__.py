"""Stock, event sourced, with a projection that is written together with its events."""
