"""Where key-encryption keys are kept."""
