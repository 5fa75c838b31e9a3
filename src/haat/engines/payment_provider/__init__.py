"""Payment providers: the sandbox, for payments and for the vault's cards."""
