"""The shop that people see: HTML first, usable without JavaScript."""
