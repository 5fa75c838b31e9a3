"""Stand-ins for the outside world: own processes, own state, reached only over HTTP."""
