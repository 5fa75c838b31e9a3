"""A payment provider with its own truth: cards, UPI, wallets, and everything that goes wrong with them."""
