"""The bounded contexts: each folder one service, seen by others only through its contract."""
