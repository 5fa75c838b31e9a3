"""Training engines and the offline evaluation of recommendations."""
