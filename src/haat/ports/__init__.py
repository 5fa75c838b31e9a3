"""What services take and engines implement."""
