"""What people and programs meet: the public API, the shop, the back office."""
